/* The floor: an epoll server on a unix socket that answers whatever comes with the same bytes.

   echo SOCKET ANSWER_FILE; prints a line when it listens, ends with its standard input. */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    static char answer[65536], buffer[65536];
    FILE *file = fopen(argv[2], "rb");
    if (!file) return 1;
    size_t size = fread(answer, 1, sizeof answer, file);
    fclose(file);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1024) < 0) return 1;
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = STDIN_FILENO;
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    puts("listening");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO) return 0;
            if (fd == listener) {
                struct epoll_event added = {.events = EPOLLIN, .data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)};
                if (added.data.fd >= 0) epoll_ctl(poll, EPOLL_CTL_ADD, added.data.fd, &added);
            } else if (read(fd, buffer, sizeof buffer) <= 0) {
                close(fd);
            } else if (write(fd, answer, size) < 0) {
                close(fd);
            }
        }
    }
}
