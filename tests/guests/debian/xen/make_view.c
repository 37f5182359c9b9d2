/*
 * make_view DOMAIN FRAME OTHER NOTES, in Xen's domain 0: gives a domain a second view of its memory (altp2m), in which
 * guest frame FRAME is what OTHER is. Frames in hexadecimal. The domain's first processor may switch to views by VMFUNC
 * then; NOTES is where it is told of EPT violations (#VE), which Xen wants to know first.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <xenctrl.h>

/* Views with this access map frames as the domain's first view does. */
#define ACCESS XENMEM_access_rwx

static void require(int result, const char *what) {
    if (result >= 0) return;
    perror(what);
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "Usage: %s DOMAIN FRAME OTHER NOTES\n", argv[0]);
        return 2;
    }
    uint32_t domain = strtoul(argv[1], NULL, 10);
    xen_pfn_t frame = strtoull(argv[2], NULL, 16), other = strtoull(argv[3], NULL, 16),
              notes = strtoull(argv[4], NULL, 16);
    xc_interface *xen = xc_interface_open(NULL, NULL, 0);
    if (xen == NULL) {
        perror("xc_interface_open");
        return 1;
    }
    uint16_t view;
    require(xc_altp2m_set_domain_state(xen, domain, true), "xc_altp2m_set_domain_state");
    require(xc_altp2m_create_view(xen, domain, ACCESS, &view), "xc_altp2m_create_view");
    require(xc_altp2m_change_gfn(xen, domain, view, frame, other), "xc_altp2m_change_gfn");
    require(xc_altp2m_set_vcpu_enable_notify(xen, domain, 0, notes), "xc_altp2m_set_vcpu_enable_notify");
    printf("make_view: view %u of domain %u\n", view, domain);
    xc_interface_close(xen);
    return 0;
}
