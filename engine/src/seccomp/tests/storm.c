/* storm RESTART KIND CALLS: makes CALLS calls of fsync on /tmp while a timer signal comes every 5 ms.
 * KIND is `plain`; `calls`: the handler makes intercepted calls of its own, the same one included; `threads`: a second
 * thread does the same and starts children; `ignores`: another thread sends signals to the first, then has the process
 * ignore and drop them. Prints how often each errno came, and how often the handler ran. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int restarts, calls, directory, other;
static const char *kind;
static atomic_int outcomes[4096], handled, over;
static pthread_t first;

static void handle(int signal) {
    int before = errno;
    handled++;
    if (signal == SIGCHLD)
        while (waitpid(-1, 0, WNOHANG) > 0) {}
    if (!strcmp(kind, "calls")) fdatasync(other), fsync(other);
    errno = before;
}

static void *flush(void *has_children) {
    for (int call = 0; call < calls; call++) {
        if (has_children && fork() == 0) _exit(0);
        int error;
        do error = fsync(directory) < 0 ? errno : 0;
        while (error == EINTR && !restarts);
        outcomes[error]++;
    }
    return 0;
}

/* SIGUSR2 has marked the first thread; ignoring it throws it away. */
static void *take_away(void *unused) {
    struct sigaction heard = {.sa_handler = handle, .sa_flags = SA_RESTART}, deaf = {.sa_handler = SIG_IGN};
    while (!over) {
        sigaction(SIGUSR2, &heard, 0);
        pthread_kill(first, SIGUSR2);
        sigaction(SIGUSR2, &deaf, 0);
    }
    return unused;
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    restarts = atoi(arguments[1]), kind = arguments[2], calls = atoi(arguments[3]);
    directory = open("/tmp", O_RDONLY), other = open("/", O_RDONLY), first = pthread_self();
    struct sigaction action = {.sa_handler = handle, .sa_flags = restarts ? SA_RESTART : 0};
    sigaction(SIGALRM, &action, 0), sigaction(SIGCHLD, &action, 0);
    struct itimerval often = {{0, 5000}, {0, 5000}}, never = {0};
    pthread_t second;
    int threads = !strcmp(kind, "threads"), ignores = !strcmp(kind, "ignores");
    if (threads) pthread_create(&second, 0, flush, &first);
    if (ignores) pthread_create(&second, 0, take_away, 0);
    setitimer(ITIMER_REAL, &often, 0);
    flush(0);
    over = 1;
    if (threads || ignores) pthread_join(second, 0);
    setitimer(ITIMER_REAL, &never, 0);
    for (int error = 0; error < 4096; error++)
        if (outcomes[error]) printf("%d:%d ", error, outcomes[error]);
    printf("handled %d\n", handled);
    return 0;
}
