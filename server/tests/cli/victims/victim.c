#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int write_file(const char *path) {
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0) return errno;
    int error = write(fd, "x", 1) < 0 ? errno : 0;
    if (!error && fsync(fd) < 0) error = errno;
    close(fd);
    return error;
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int dial(void) {
    struct sockaddr_in to = loopback(5432);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int error = connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? errno : 0;
    close(fd);
    return error;
}

int main(void) {
    struct sockaddr_in at = loopback(7000);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 16) < 0) return 1;
    for (;;) {
        int peer = accept(listener, 0, 0);
        char line[64];
        if (read(peer, line, sizeof line) > 0) {
            int a = write_file("/tmp/victim-a"), b = write_file("/tmp/victim-b");
            int c = write_file("/tmp/victim-c");
            int d = dial();
            int length = snprintf(line, sizeof line, "a=%d b=%d open=%d connect=%d\n", a, b, c, d);
            if (write(peer, line, length) != length) return 1;
        }
        close(peer);
    }
}
