/* Makes one system call on demand, of every kind the table of families knows.
 *
 *   calls serve PORT          "prepare FAMILY CALL", then "do FAMILY CALL", each on a connection of its own, or, on
 *                             the port after it, in a datagram
 *   calls exec FAMILY CALL    prepares, then becomes `strace ARGS... calls do FAMILY CALL` (ARGS in $STRACE)
 *   calls do FAMILY CALL      makes the call on what was prepared; exits with its errno
 *   calls names               makes every call by number, each refused by a filter, so that strace names it
 *
 * What a call acts on is /tmp/fb-calls/a; descriptors have fixed numbers, so that they survive the start of strace. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIR "/tmp/fb-calls"
#define A DIR "/a"
#define B DIR "/b"
#define NEW DIR "/new"
#define FOLDER DIR "/folder"
/* Prepared descriptors: the file a, the file b, a pipe's ends with bytes in it, a socket pair, a listener with a peer
 * waiting, an epoll instance. */
enum { FD_A = 100, FD_B, FD_OUT, FD_IN, FD_SOCKET, FD_PEER, FD_LISTENER, FD_CLIENT, FD_EPOLL };

static int is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static void place(int fd, int at) {
    dup2(fd, at);
    close(fd);
}

static void make(const char *path) {
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0644);
    if (write(fd, "content of the file\n", 20) != 20) exit(200);
    close(fd);
}

/* A pipe with a name can be told by its path. */
static int wants_pipe(const char *call) { return is(call, "tee") || is(call, "vmsplice"); }

/* Calls that make what must not be there before. */
static int wants_nothing(const char *family) {
    return is(family, "mkdir") || is(family, "mknod") || is(family, "symlink");
}

static void prepare(const char *family, const char *call) {
    mkdir(DIR, 0755);
    unlink(A), rmdir(A), unlink(B), unlink(NEW), rmdir(NEW), rmdir(FOLDER);
    make(B);
    if (is(family, "rmdir") || is(family, "getdents")) mkdir(A, 0755);
    else if (is(family, "readlink")) { if (symlink(B, A)) exit(201); }
    else if (wants_pipe(call)) mkfifo(A, 0644);
    else if (!wants_nothing(family)) make(A);
    int flags = is(family, "getdents") ? O_RDONLY : O_RDWR;
    int fd = open(A, flags);
    if (fd >= 0) place(fd, FD_A);
    place(open(B, O_RDWR), FD_B);
    int pair[2];
    if (pipe(pair)) exit(202);
    place(pair[0], FD_OUT), place(pair[1], FD_IN);
    if (write(FD_IN, "bytes", 5) != 5) exit(203);
    if (wants_pipe(call) && write(FD_A, "bytes", 5) != 5) exit(204);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) exit(205);
    place(pair[0], FD_SOCKET), place(pair[1], FD_PEER);
    if (write(FD_PEER, "bytes", 5) != 5) exit(206);
    struct sockaddr_in any = {.sin_family = AF_INET};
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof any;
    place(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), FD_LISTENER);
    if (bind(FD_LISTENER, (void *)&any, sizeof any) || listen(FD_LISTENER, 4)) exit(207);
    getsockname(FD_LISTENER, (void *)&any, &length);
    place(socket(AF_INET, SOCK_STREAM, 0), FD_CLIENT);
    if (is(family, "accept")) {
        if (connect(FD_CLIENT, (void *)&any, sizeof any)) exit(208);
        struct pollfd waiting = {.fd = FD_LISTENER, .events = POLLIN};
        poll(&waiting, 1, 1000);
    }
    place(epoll_create1(0), FD_EPOLL);
}

static long queued(int opcode) {
    static aio_context_t context;
    static char buffer[8] = "queued";
    if (!context && syscall(SYS_io_setup, 8, &context)) return -1;
    struct iocb block = {.aio_lio_opcode = opcode, .aio_fildes = FD_A, .aio_buf = (uintptr_t)buffer};
    block.aio_nbytes = opcode == IOCB_CMD_PWRITE || opcode == IOCB_CMD_PREAD ? sizeof buffer : 0;
    struct iocb *list[] = {&block};
    return syscall(SYS_io_submit, context, 1, list);
}

/* To the listener of `prepare`; port 9 of loopback, where nothing is, would do as well. */
static struct sockaddr_in listener(void) {
    struct sockaddr_in to;
    socklen_t length = sizeof to;
    getsockname(FD_LISTENER, (void *)&to, &length);
    return to;
}

#define CALL(name, ...) \
    if (is(call, #name)) return syscall(SYS_##name, ##__VA_ARGS__)

static long reads(const char *call, struct iovec *io) {
    loff_t zero = 0, other = 0;
    CALL(read, FD_A, io->iov_base, 1);
    CALL(readv, FD_A, io, 1);
    CALL(pread64, FD_A, io->iov_base, 1, 0);
    CALL(preadv, FD_A, io, 1, 0, 0);
    CALL(preadv2, FD_A, io, 1, 0, 0, 0);
    CALL(sendfile, FD_B, FD_A, 0, 1);
    CALL(copy_file_range, FD_A, &zero, FD_B, &other, 1, 0);
    CALL(splice, FD_A, 0, FD_IN, 0, 1, 0);
    CALL(tee, FD_A, FD_IN, 1, 0);
    if (is(call, "io_submit")) return queued(IOCB_CMD_PREAD);
    if (is(call, "mmap")) return syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, FD_A, 0) == -1 ? -1 : 0;
    CALL(vmsplice, FD_OUT, io, 1, 0);
    return -2;
}

static long writes(const char *call, struct iovec *io) {
    loff_t zero = 0, other = 0;
    CALL(write, FD_A, "x", 1);
    CALL(writev, FD_A, io, 1);
    CALL(pwrite64, FD_A, "x", 1, 0);
    CALL(pwritev, FD_A, io, 1, 0, 0);
    CALL(pwritev2, FD_A, io, 1, 0, 0, 0);
    CALL(sendfile, FD_A, FD_B, 0, 1);
    CALL(copy_file_range, FD_B, &zero, FD_A, &other, 1, 0);
    CALL(splice, FD_OUT, 0, FD_A, 0, 1, 0);
    CALL(tee, FD_OUT, FD_A, 1, 0);
    CALL(vmsplice, FD_A, io, 1, 0);
    CALL(truncate, A, 1);
    CALL(ftruncate, FD_A, 1);
    CALL(fallocate, FD_A, 0, 0, 64);
    CALL(ioctl, FD_A, FICLONE, FD_B);
    if (is(call, "io_submit")) return queued(IOCB_CMD_PWRITE);
    if (is(call, "mmap"))
        return syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, FD_A, 0) == -1 ? -1 : 0;
    if (is(call, "mprotect")) {
        void *page = mmap(0, 4096, PROT_READ, MAP_SHARED, FD_A, 0);
        return syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_WRITE);
    }
    return -2;
}

static long files(const char *family, const char *call) {
    struct stat about;
    char text[4096];
    unsigned long how[3] = {O_RDONLY, 0, 0};
    struct { unsigned bytes; int type; unsigned char handle[128]; } handle = {.bytes = 128};
    int mount;
    unsigned truncating = is(family, "write") ? O_TRUNC | O_WRONLY : 0;
    how[0] |= truncating;
#ifdef SYS_open
    CALL(open, A, truncating, 0);
    CALL(creat, A, 0644);
    CALL(rename, B, A);
    CALL(unlink, A);
    CALL(rmdir, A);
    CALL(mkdir, A, 0755);
    CALL(mknod, A, S_IFREG | 0644, 0);
    CALL(link, A, NEW);
    CALL(symlink, "b", A);
    CALL(stat, A, &about);
    CALL(lstat, A, &about);
    CALL(access, A, R_OK);
    CALL(readlink, A, text, sizeof text);
    CALL(getdents, FD_A, text, sizeof text);
    CALL(chmod, A, 0600);
    CALL(chown, A, -1, -1);
    CALL(lchown, A, -1, -1);
    CALL(utime, A, 0);
    CALL(utimes, A, 0);
    CALL(futimesat, AT_FDCWD, A, 0);
#endif
    CALL(openat, AT_FDCWD, A, truncating, 0);
    CALL(openat2, AT_FDCWD, A, how, sizeof how);
    if (is(call, "open_by_handle_at")) {
        syscall(SYS_name_to_handle_at, AT_FDCWD, A, &handle, &mount, 0);
        return syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, 0);
    }
    CALL(open_tree, AT_FDCWD, A, 0);
    CALL(memfd_create, "x", 0);
    CALL(mq_open, "fb-calls", 0, 0, 0);
    CALL(renameat, AT_FDCWD, A, AT_FDCWD, NEW);
    CALL(renameat2, AT_FDCWD, B, AT_FDCWD, A, 2 /* RENAME_EXCHANGE */);
    CALL(unlinkat, AT_FDCWD, A, is(family, "rmdir") ? AT_REMOVEDIR : 0);
    CALL(mkdirat, AT_FDCWD, A, 0755);
    CALL(mknodat, AT_FDCWD, A, S_IFREG | 0644, 0);
    CALL(linkat, AT_FDCWD, B, AT_FDCWD, A, 0);
    CALL(symlinkat, A, AT_FDCWD, NEW);
    CALL(fstat, FD_A, &about);
    CALL(newfstatat, AT_FDCWD, A, &about, 0);
    CALL(statx, AT_FDCWD, A, 0, 0, text);
    CALL(faccessat, AT_FDCWD, A, R_OK);
    CALL(faccessat2, AT_FDCWD, A, R_OK, 0);
    CALL(readlinkat, AT_FDCWD, A, text, sizeof text);
    CALL(getdents64, FD_A, text, sizeof text);
    CALL(statfs, A, text);
    CALL(fstatfs, FD_A, text);
    CALL(fchmod, FD_A, 0600);
    CALL(fchmodat, AT_FDCWD, A, 0600);
    if (is(call, "fchmodat2")) return syscall(452, AT_FDCWD, A, 0600, 0);
    CALL(fchown, FD_A, -1, -1);
    CALL(fchownat, AT_FDCWD, A, -1, -1, 0);
    CALL(utimensat, AT_FDCWD, A, 0, 0);
    CALL(truncate, A, 1);
    CALL(ftruncate, FD_A, 1);
    CALL(setxattr, A, "user.x", "1", 1, 0);
    CALL(lsetxattr, A, "user.x", "1", 1, 0);
    CALL(fsetxattr, FD_A, "user.x", "1", 1, 0);
    CALL(getxattr, A, "user.x", text, 9);
    CALL(lgetxattr, A, "user.x", text, 9);
    CALL(fgetxattr, FD_A, "user.x", text, 9);
    CALL(listxattr, A, text, 9);
    CALL(llistxattr, A, text, 9);
    CALL(flistxattr, FD_A, text, 9);
    CALL(removexattr, A, "user.x");
    CALL(lremovexattr, A, "user.x");
    CALL(fremovexattr, FD_A, "user.x");
    /* setxattrat, getxattrat, listxattrat, removexattrat (Linux 6.13) */
    const char *at[] = {"setxattrat", "getxattrat", "listxattrat", "removexattrat"};
    for (int i = 0; i < 4; i++)
        if (is(call, at[i])) return syscall(463 + i, AT_FDCWD, A, 0, "user.x", text, 16);
    CALL(fsync, FD_A);
    CALL(fdatasync, FD_A);
    CALL(syncfs, FD_A);
    CALL(sync_file_range, FD_A, 0, 0, 0);
    CALL(sync);
    if (is(call, "msync")) return syscall(SYS_msync, mmap(0, 4096, PROT_READ, MAP_SHARED, FD_A, 0), 4096, MS_SYNC);
    if (is(call, "io_submit")) return queued(IOCB_CMD_FSYNC);
    return -2;
}

static long sockets(const char *family, const char *call, struct iovec *io) {
    struct sockaddr_in to = listener();
    int opens = is(family, "connect");
    struct mmsghdr vector = {.msg_hdr = {.msg_iov = io, .msg_iovlen = 1}};
    if (opens) vector.msg_hdr.msg_name = &to, vector.msg_hdr.msg_namelen = sizeof to;
    int fd = opens ? FD_CLIENT : FD_SOCKET, flags = opens ? MSG_FASTOPEN : 0;
    CALL(connect, FD_CLIENT, &to, sizeof to);
    CALL(accept4, FD_LISTENER, 0, 0, 0);
    CALL(accept, FD_LISTENER, 0, 0);
    CALL(sendto, fd, "x", 1, flags, opens ? &to : 0, opens ? sizeof to : 0);
    CALL(sendmsg, fd, &vector.msg_hdr, flags);
    CALL(sendmmsg, fd, &vector, 1, flags);
    CALL(recvfrom, FD_SOCKET, io->iov_base, 1, 0, 0, 0);
    CALL(recvmsg, FD_SOCKET, &vector.msg_hdr, 0);
    CALL(recvmmsg, FD_SOCKET, &vector, 1, 0, 0);
    CALL(write, FD_SOCKET, "x", 1);
    CALL(writev, FD_SOCKET, io, 1);
    CALL(read, FD_SOCKET, io->iov_base, 1);
    CALL(readv, FD_SOCKET, io, 1);
    CALL(sendfile, FD_SOCKET, FD_B, 0, 1);
    if (is(call, "splice") && is(family, "sendto")) return syscall(SYS_splice, FD_OUT, 0, FD_SOCKET, 0, 1, 0);
    CALL(splice, FD_SOCKET, 0, FD_IN, 0, 1, 0);
    return -2;
}

static long others(const char *call, struct iovec *io) {
    struct pollfd one = {.fd = FD_OUT, .events = POLLIN};
    struct epoll_event event;
    struct timespec none = {0, 0};
    struct timeval no_time = {0, 0};
    sigset_t signals;
    int pair[2];
    sigemptyset(&signals);
#ifdef SYS_poll
    CALL(poll, &one, 1, 0);
    CALL(select, 0, 0, 0, 0, &no_time);
    CALL(epoll_create, 1);
    CALL(epoll_wait, FD_EPOLL, &event, 1, 0);
    CALL(pipe, pair);
    CALL(eventfd, 0);
    CALL(signalfd, -1, &signals, 8);
    CALL(inotify_init);
#endif
    CALL(ppoll, &one, 1, &none, 0, 8);
    CALL(pselect6, 0, 0, 0, 0, &none, 0);
    CALL(epoll_create1, 0);
    CALL(epoll_pwait, FD_EPOLL, &event, 1, 0, 0, 8);
    CALL(epoll_pwait2, FD_EPOLL, &event, 1, &none, 0, 8);
    CALL(pipe2, pair, 0);
    CALL(eventfd2, 0, 0);
    CALL(signalfd4, -1, &signals, 8, 0);
    CALL(inotify_init1, 0);
    CALL(nanosleep, &none, 0);
    CALL(clock_nanosleep, 1, 0, &none, 0);
    CALL(mlock, io->iov_base, 1);
    CALL(mlock2, io->iov_base, 1, 0);
    CALL(mlockall, 1);
    CALL(kill, getpid(), 0);
    CALL(tkill, getpid(), 0);
    CALL(tgkill, getpid(), getpid(), 0);
    if (is(call, "pidfd_send_signal")) return syscall(SYS_pidfd_send_signal, -1, 0, 0, 0);
    CALL(pidfd_getfd, -1, 0, 0);
    char *const nothing[] = {0};
    CALL(execve, DIR "/no-such-program", nothing, nothing);
    CALL(execveat, AT_FDCWD, DIR "/no-such-program", nothing, nothing, 0);
    struct io_uring_params parameters = {0};
    CALL(io_uring_setup, 4, &parameters);
    return -2;
}

/* The errno of the call, 0 when it succeeds. */
static int act(const char *family, const char *call) {
    static char buffer[64] = "x";
    struct iovec io = {buffer, 1};
    int on_sockets = is(family, "sendto") || is(family, "recvfrom") || is(family, "connect") || is(family, "accept");
    long result = -2;
    errno = 0;
    if (on_sockets) result = sockets(family, call, &io);
    else if (is(family, "read")) result = reads(call, &io);
    else if (is(family, "write")) result = writes(call, &io);
    if (result == -2) result = files(family, call);
    if (result == -2) result = sockets(family, call, &io);
    if (result == -2) result = others(call, &io);
    if (result == -2) return 250;
    return result == -1 ? errno : 0;
}

/* Does what the line says; the length of the answer that replaces it. */
static int answer(char *line, size_t size, ssize_t got) {
    char what[16], family[64], call[64];
    int result = 0;
    line[got] = 0;
    if (sscanf(line, "%15s %63s %63s", what, family, call) != 3) exit(2);
    if (is(what, "prepare")) prepare(family, call);
    else result = act(family, call);
    return snprintf(line, size, "%d\n", result);
}

static void serve_datagrams(struct sockaddr_in at) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    char line[256];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(fd, (void *)&at, sizeof at)) exit(1);
    for (;;) {
        ssize_t got = recvfrom(fd, line, sizeof line - 1, 0, (void *)&from, &length);
        if (got > 0) sendto(fd, line, answer(line, sizeof line, got), 0, (void *)&from, length);
    }
}

static int serve(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port + 1)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fork() == 0) serve_datagrams(at);
    at.sin_port = htons(port);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&at, sizeof at) || listen(listener, 16)) return 1;
    for (;;) {
        char line[256];
        int peer = accept(listener, 0, 0);
        ssize_t got = read(peer, line, sizeof line - 1);
        if (got > 0) {
            int length = got;
            int parks = !strncmp(line, "park", 4);
            if (!parks) length = answer(line, sizeof line, got);
            if (write(peer, line, length) != length) return 3;
            while (parks) pause();
        }
        close(peer);
    }
}

static int names(void) {
    /* Everything is answered ENOSYS but exit_group(42). */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 42, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 1;
    for (long number = 0; number < 512; number++) {
        /* uretprobe and uprobe of x86_64 raise SIGILL outside of a probe. */
        if (number != 335 && number != 336) syscall(number, 0, 0, 0, 0, 0, 0);
    }
    syscall(SYS_exit_group, 42);
    return 1;
}

int main(int count, char **words) {
    if (count == 3 && is(words[1], "serve")) return serve(atoi(words[2]));
    if (count == 4 && is(words[1], "do")) return act(words[2], words[3]);
    if (count == 4 && is(words[1], "exec")) {
        prepare(words[2], words[3]);
        char command[512];
        snprintf(command, sizeof command, "exec strace %s %s do %s %s", getenv("STRACE"), words[0], words[2], words[3]);
        return execl("/bin/sh", "sh", "-c", command, (char *)0);
    }
    return count == 2 && is(words[1], "names") ? names() : 1;
}
