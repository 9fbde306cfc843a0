/* Times system calls. `victim CALL N` prints nanoseconds per call; `victim serve PORT` does so for each line `CALL N`;
 * `victim bare N` is the cheapest notify loop there is, answering fsync with EIO; `victim guard PROGRAM ARGUMENTS` lets the
 * program's writes, opens and syncs pass through one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS _IOW('!', 4, __u64)
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static double measure(const char *call, long n) {
    int file = open("/tmp/hot-file", O_CREAT | O_WRONLY, 0600);
    int is_fsync = !strcmp(call, "fsync");
    double begun = now();
    for (long i = 0; i < n; i++) syscall(is_fsync ? SYS_fsync : SYS_getppid, file);
    double took = (now() - begun) / n;
    close(file);
    return took;
}

static void serve(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 16) < 0) exit(1);
    for (;;) {
        int peer = accept(listener, 0, 0);
        char line[128] = {0}, call[32];
        long n;
        if (read(peer, line, sizeof line - 1) > 0 && sscanf(line, "%31s %ld", call, &n) == 2)
            dprintf(peer, "%.1f\n", measure(call, n));
        close(peer);
    }
}

static void answer(int listener, int is_refusal) {
    struct seccomp_notif call;
    struct seccomp_notif_resp reply;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1UL);
    for (;;) {
        memset(&call, 0, sizeof call);
        memset(&reply, 0, sizeof reply);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
            if (errno == EINTR) continue;
            return;
        }
        reply.id = call.id;
        if (is_refusal) reply.error = -EIO;
        else reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
    }
}

static void bare(long n) {
    int go[2];
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    if (pipe(go) < 0) exit(1);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    pid_t child = fork();
    if (child == 0) {
        char number[16] = {0};
        int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
        int length = sprintf(number, "%d", fd);
        if (fd < 0 || write(go[1], number, length + 1) < 0) _exit(1);
        /* Long enough for the parent to take its copy. */
        usleep(200000);
        close(fd);
        measure("fsync", 1000);
        printf("%.1f\n", measure("fsync", n));
        exit(0);
    }
    char text[16] = {0};
    if (read(go[0], text, sizeof text) <= 0) exit(1);
    int process = syscall(SYS_pidfd_open, child, 0);
    int listener = syscall(SYS_pidfd_getfd, process, atoi(text), 0);
    if (listener < 0) exit(1);
    answer(listener, 1);
    waitpid(child, 0, 0);
}

/* Where the child shows its listener. */
enum { SHOWN = 200 };

static int guard(char **command) {
    static const int numbers[] = {
        SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_pwritev2, SYS_openat, SYS_openat2, SYS_fsync, SYS_fdatasync,
    };
    enum { COUNT = sizeof numbers / sizeof numbers[0] };
    struct sock_filter code[COUNT + 3] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    for (int i = 0; i < COUNT; i++)
        code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], COUNT - i, 0);
    code[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    struct sock_fprog program = {COUNT + 3, code};
    int taken[2];
    if (pipe(taken) < 0) return 1;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | 1UL << 5; /* WAIT_KILLABLE_RECV, as ours */
        int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
        if (fd < 0 || dup3(fd, SHOWN, O_CLOEXEC) < 0 || read(taken[0], &byte, 1) != 1) _exit(1);
        close(fd);
        execvp(command[0], command);
        _exit(1);
    }
    int process = syscall(SYS_pidfd_open, child, 0), listener;
    while ((listener = syscall(SYS_pidfd_getfd, process, SHOWN, 0)) < 0) {
        if (waitpid(child, 0, WNOHANG)) return 1;
        usleep(1000);
    }
    if (write(taken[1], "", 1) != 1) return 1;
    answer(listener, 0);
    waitpid(child, 0, 0);
    return 0;
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "serve")) serve(atoi(words[2]));
    if (count > 2 && !strcmp(words[1], "guard")) return guard(words + 2);
    if (count == 3 && !strcmp(words[1], "bare")) bare(atol(words[2]));
    else if (count == 3) printf("%.1f\n", measure(words[1], atol(words[2])));
    return 0;
}
