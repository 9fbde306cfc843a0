/* storm RESTART THREADS CALLS: writes to /tmp/storm from THREADS threads, the first one included, CALLS times each, while
 * signals come to the process (a timer, ends of children) and to single threads. Prints how often each errno came. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int restarts, threads, calls, file;
static atomic_int outcomes[4096], done;
static pthread_t writers[256];

static void handle(int signal) {
    int before = errno;
    if (signal == SIGCHLD)
        while (waitpid(-1, 0, WNOHANG) > 0) {}
    errno = before;
}

static void *write_all(void *own) {
    long number = (long)own;
    for (int call = 0; call < calls; call++) {
        /* Some writers have a child end while they wait: its signal is for them before all others. */
        if (number % 8 == 1 && call % 4 == 0 && fork() == 0) _exit(0);
        ssize_t wrote;
        do wrote = write(file, "x", 1);
        while (wrote < 0 && errno == EINTR && !restarts);
        outcomes[wrote < 0 ? errno : 0]++;
    }
    done++;
    /* Waits until nobody sends it a signal any more. */
    if (number) while (done <= threads) usleep(1000);
    return 0;
}

static void *kick(void *unused) {
    for (int turn = 0; done < threads; turn++) {
        pthread_kill(writers[turn % threads], SIGUSR1);
        usleep(700);
    }
    done++;
    return unused;
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    restarts = atoi(arguments[1]), threads = atoi(arguments[2]), calls = atoi(arguments[3]);
    file = open("/tmp/storm", O_CREAT | O_WRONLY | O_APPEND, 0600);
    struct sigaction action = {.sa_handler = handle, .sa_flags = restarts ? SA_RESTART : 0};
    sigaction(SIGALRM, &action, 0), sigaction(SIGCHLD, &action, 0), sigaction(SIGUSR1, &action, 0);
    struct itimerval often = {{0, 5000}, {0, 5000}}, never = {0};
    setitimer(ITIMER_REAL, &often, 0);
    pthread_t kicker;
    writers[0] = pthread_self();
    for (long number = 1; number < threads; number++) pthread_create(&writers[number], 0, write_all, (void *)number);
    pthread_create(&kicker, 0, kick, 0);
    write_all(0);
    for (int number = 1; number < threads; number++) pthread_join(writers[number], 0);
    pthread_join(kicker, 0);
    setitimer(ITIMER_REAL, &never, 0);
    for (int error = 0; error < 4096; error++)
        if (outcomes[error]) printf("%d:%d ", error, outcomes[error]);
    printf("\n");
    return 0;
}
