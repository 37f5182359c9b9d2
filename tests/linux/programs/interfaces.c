#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
/* What <linux/rtnetlink.h> has, which is not there with every C library. */
struct sockaddr_nl { unsigned short nl_family, nl_pad; unsigned nl_pid, nl_groups; };
struct nlmsghdr { unsigned nlmsg_len; unsigned short nlmsg_type, nlmsg_flags; unsigned nlmsg_seq, nlmsg_pid; };
struct ifinfomsg { unsigned char ifi_family, pad; unsigned short ifi_type; int ifi_index; unsigned ifi_flags, ifi_change; };
enum { RTM_GETLINK = 18, NLM_F_REQUEST = 1, NLM_F_ACK = 4, NETLINK_ROUTE = 0 };
#define SHOW(x) do { errno = 0; long r_ = (x); if (r_ < 0) printf("%s: errno %d\n", #x, errno); else printf("%s: %ld\n", #x, r_); } while (0)
/* Only what concerns the loopback interface: the host has others. */
int main(void) {
  char name[IF_NAMESIZE]; SHOW(if_nametoindex("lo")); SHOW(if_nametoindex("nosuch")); printf("%s\n", if_indextoname(1, name));
  int s = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {.ifr_name = "lo"}; SHOW(ioctl(s, SIOCGIFADDR, &r)); printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr)); SHOW(ioctl(s, SIOCGIFNETMASK, &r)); printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr)); SHOW(ioctl(s, SIOCGIFFLAGS, &r)); printf("%x\n", r.ifr_flags); SHOW(ioctl(s, SIOCGIFMTU, &r)); printf("%d\n", r.ifr_mtu); SHOW(ioctl(s, SIOCGIFHWADDR, &r)); printf("%d\n", r.ifr_hwaddr.sa_family); strcpy(r.ifr_name, "nosuch"); SHOW(ioctl(s, SIOCGIFMTU, &r)); struct ifconf c = {0}; SHOW(ioctl(s, SIOCGIFCONF, &c)); printf("%d\n", c.ifc_len >= (int)sizeof r); SHOW(ioctl(0, SIOCGIFMTU, &r));
  struct ifaddrs *all, *i; SHOW(getifaddrs(&all)); for (i = all; i; i = i->ifa_next) { if (strcmp(i->ifa_name, "lo")) continue; char text[64] = ""; int f = i->ifa_addr->sa_family; if (f == AF_INET) inet_ntop(f, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text, 64); if (f == AF_INET6) inet_ntop(f, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, text, 64); printf("%d %x %s\n", f, i->ifa_flags, text); }
  int n = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); struct sockaddr_nl a = {AF_NETLINK}; socklen_t size = sizeof a; SHOW(bind(n, (void *)&a, sizeof a)); SHOW(getsockname(n, (void *)&a, &size)); printf("%d %d\n", a.nl_pid != 0, size);
  struct { struct nlmsghdr h; struct ifinfomsg i; } q = {{sizeof q, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 7, 0}, {.ifi_index = 1}}; char b[8192]; SHOW(send(n, &q, sizeof q, 0) == sizeof q); SHOW(recv(n, b, sizeof b, 0) > 0); struct nlmsghdr *h = (void *)b; printf("%d %d %d\n", h->nlmsg_type, h->nlmsg_seq, ((struct ifinfomsg *)(b + 16))->ifi_index); SHOW(recv(n, b, sizeof b, 0)); printf("%d %d\n", h->nlmsg_type, *(int *)(b + 16)); q.i.ifi_index = 9999; SHOW(send(n, &q, sizeof q, 0) == sizeof q); SHOW(recv(n, b, sizeof b, 0)); printf("%d %d\n", h->nlmsg_type, *(int *)(b + 16)); SHOW(recv(n, b, sizeof b, MSG_DONTWAIT)); close(n); SHOW(socket(AF_NETLINK, SOCK_RAW, 31));
  return 0;
}
