#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define SHOW(x) do { errno = 0; long r_ = (x); if (r_ < 0) printf("%s: errno %d\n", #x, errno); else printf("%s: %ld\n", #x, r_); } while (0)
struct text { long type; char bytes[64]; };
static int child(void) { fflush(stdout); return fork(); }
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0); int status; key_t key = 0x40000000 | getpid();
  int m = shmget(key, 5000, IPC_CREAT | 0600); SHOW(m >= 0); SHOW(shmget(key, 100, 0) == m); SHOW(shmget(key, 6000, 0)); SHOW(shmget(key, 100, IPC_CREAT | IPC_EXCL)); SHOW(shmget(key + 1, 100, 0)); SHOW(shmget(IPC_PRIVATE, 0, 0600)); char *a = shmat(m, 0, 0); SHOW(a != (void *)-1); printf("%d %d\n", a[0], a[8191]); strcpy(a, "shared");
  if (child() == 0) { printf("%s\n", a); strcpy(a + 100, "from child"); char *again = shmat(m, 0, SHM_RDONLY); printf("%s\n", again); struct shmid_ds d; SHOW(shmctl(m, IPC_STAT, &d)); printf("%d %zu %o %d\n", (int)d.shm_nattch, d.shm_segsz, d.shm_perm.mode, d.shm_cpid == getppid()); SHOW(shmdt(again)); SHOW(shmdt(again)); _exit(0); } wait(&status); SHOW(status); printf("%s\n", a + 100);
  struct shmid_ds d; SHOW(shmctl(m, IPC_RMID, 0)); SHOW(shmget(key, 100, 0)); SHOW(shmctl(m, IPC_STAT, &d)); printf("%d %o %d\n", (int)d.shm_nattch, d.shm_perm.mode, d.shm_perm.__key); char *b = shmat(m, 0, 0); SHOW(b != (void *)-1); SHOW(strcmp(b, "shared")); SHOW(shmdt(a)); SHOW(shmdt(b)); SHOW(shmctl(m, IPC_STAT, &d)); SHOW((long)shmat(m, 0, 0)); SHOW(shmdt(a)); SHOW(shmdt((char *)1)); SHOW(shmctl(-1, IPC_STAT, &d));
  int s = semget(IPC_PRIVATE, 3, 0600); SHOW(s >= 0); unsigned short all[3] = {1, 2, 3}, got[3]; SHOW(semctl(s, 0, SETALL, all)); SHOW(semctl(s, 1, GETVAL)); SHOW(semctl(s, 0, SETVAL, 40000)); SHOW(semctl(s, 9, GETVAL)); struct sembuf take[2] = {{0, -1, 0}, {1, -5, IPC_NOWAIT}}; SHOW(semop(s, take, 2)); SHOW(semctl(s, 0, GETVAL)); SHOW(semop(s, take, 1)); struct sembuf far = {7, 1, 0}; SHOW(semop(s, &far, 1)); struct sembuf big = {2, 32767, 0}; SHOW(semop(s, &big, 1)); struct timespec t = {0, 20000000}; SHOW(semtimedop(s, take, 1, &t)); SHOW(semop(s, take, 0));
  pid_t pid = child(); if (pid == 0) { struct sembuf wait_zero[2] = {{0, -1, 0}, {0, 0, 0}}; SHOW(semop(s, wait_zero, 2)); struct sembuf undo = {1, 5, SEM_UNDO}; SHOW(semop(s, &undo, 1)); SHOW(semctl(s, 1, GETVAL)); _exit(0); } while (semctl(s, 0, GETNCNT) == 0) usleep(1000); struct sembuf give = {0, 1, 0}; semop(s, &give, 1); waitpid(pid, &status, 0); SHOW(semctl(s, 1, GETVAL)); SHOW(semctl(s, 1, GETPID) == pid); SHOW(semctl(s, 0, GETALL, got)); printf("%d %d %d\n", got[0], got[1], got[2]);
  pid = child(); if (pid == 0) { SHOW(semop(s, take, 1)); _exit(0); } while (semctl(s, 0, GETNCNT) == 0) usleep(1000); semctl(s, 0, IPC_RMID); waitpid(pid, &status, 0); SHOW(semop(s, &give, 1)); SHOW(semget(IPC_PRIVATE, 0, 0600));
  int q = msgget(key, IPC_CREAT | 0600); struct text x = {5, "five"}; SHOW(q >= 0); SHOW(msgsnd(q, &x, 5, 0)); x = (struct text){2, "two"}; SHOW(msgsnd(q, &x, 4, 0)); x = (struct text){9, "nine"}; SHOW(msgsnd(q, &x, 5, 0)); x.type = 0; SHOW(msgsnd(q, &x, 5, 0)); struct msqid_ds md; SHOW(msgctl(q, IPC_STAT, &md)); printf("%d %d %d %d\n", (int)md.msg_qnum, (int)md.__msg_cbytes, (int)md.msg_qbytes, md.msg_lspid == getpid());
  SHOW(msgrcv(q, &x, 2, 9, 0)); SHOW(msgrcv(q, &x, 2, 9, MSG_NOERROR)); SHOW(msgrcv(q, &x, 64, -4, 0)); printf("%ld %s\n", x.type, x.bytes); SHOW(msgrcv(q, &x, 64, 7, IPC_NOWAIT)); SHOW(msgrcv(q, &x, 64, 7, MSG_EXCEPT)); printf("%ld %s\n", x.type, x.bytes); x.type = 1; int n = 0; while (msgsnd(q, &x, 64, IPC_NOWAIT) == 0) n++; printf("%d %d\n", n, errno); SHOW(msgsnd(q, &x, 9000, 0));
  pid = child(); if (pid == 0) { SHOW(msgrcv(q, &x, 64, 77, 0)); printf("%s\n", x.bytes); SHOW(msgrcv(q, &x, 64, 78, 0)); _exit(0); } for (int i = 0; i < n; i++) msgrcv(q, &x, 64, 1, 0); x = (struct text){77, "hello"}; msgsnd(q, &x, 6, 0); usleep(50000); msgctl(q, IPC_RMID, 0); waitpid(pid, &status, 0); SHOW(msgget(key, 0)); SHOW(msgsnd(q, &x, 6, 0));
  return 0;
}
