/* Prints the IPv4 address of each name, or what the resolver says: none, later, or the number of another error. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int count, char **names) {
    for (int i = 1; i < count; i++) {
        struct addrinfo hints = {0}, *found = NULL;
        hints.ai_socktype = SOCK_STREAM;
        int error = getaddrinfo(names[i], "80", &hints, &found);
        if (i > 1) putchar(' ');
        if (error == EAI_NONAME) printf("none");
        else if (error == EAI_AGAIN) printf("later");
        else if (error) printf("error%d", error);
        else {
            struct addrinfo *one = found;
            while (one && one->ai_family != AF_INET) one = one->ai_next;
            char text[INET_ADDRSTRLEN] = "only-v6";
            if (one) inet_ntop(AF_INET, &((struct sockaddr_in *)one->ai_addr)->sin_addr, text, sizeof text);
            printf("%s", text);
        }
    }
    putchar('\n');
    return 0;
}
