/* Load generator for unix sockets: sends one fixed request again and again and measures until its whole answer came.

   load SOCKET REQUEST_FILE kept|new COUNT CLIENTS http|eof

   kept: every client keeps its connection; new: every request has a connection of its own. An answer ends after its
   Content-Length (http) or with the connection (eof). Prints a JSON object; times in microseconds. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct client {
    int fd;
    double started;
    size_t have;
    char answer[65536];
};

static struct sockaddr_un address;
static char request[65536];
static size_t request_size;
static int until_eof, keep;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void send_request(struct client *client, int poll) {
    client->started = now();
    client->have = 0;
    if (client->fd < 0) {
        client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
        if (poll >= 0) {
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
            if (epoll_ctl(poll, EPOLL_CTL_ADD, client->fd, &event) < 0) fail("epoll_ctl");
        }
    }
    if (write(client->fd, request, request_size) != (ssize_t)request_size) fail("write");
}

/* Whether the answer is complete; checks that it is a good one. */
static int receive(struct client *client) {
    ssize_t got = read(client->fd, client->answer + client->have, sizeof client->answer - 1 - client->have);
    if (got < 0) fail("read");
    client->have += got;
    client->answer[client->have] = 0;
    if (until_eof) {
        if (got > 0) return 0;
        if (!strstr(client->answer, "success")) goto wrong;
        return 1;
    }
    if (got == 0) goto wrong;
    char *end = strstr(client->answer, "\r\n\r\n");
    if (!end) return 0;
    if (strncmp(client->answer, "HTTP/1.1 200", 12)) goto wrong;
    char *length = strcasestr(client->answer, "content-length:");
    if (!length || length > end) goto wrong;
    return client->have >= (size_t)(end - client->answer) + 4 + strtoul(length + 15, NULL, 10);
wrong:
    fprintf(stderr, "not the answer that was awaited: %.300s\n", client->answer);
    exit(1);
}

static void finish(struct client *client) {
    if (!keep) {
        close(client->fd);
        client->fd = -1;
    }
}

static int compare(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    FILE *file = fopen(argv[2], "rb");
    if (!file) fail(argv[2]);
    request_size = fread(request, 1, sizeof request, file);
    fclose(file);
    keep = !strcmp(argv[3], "kept");
    int count = atoi(argv[4]), clients = atoi(argv[5]), done = 0, sent = 0;
    until_eof = !strcmp(argv[6], "eof");
    double *times = calloc(count, sizeof *times);
    struct client *all = calloc(clients, sizeof *all);
    for (int i = 0; i < clients; i++) all[i].fd = -1;
    double began = now();
    if (clients == 1) {
        for (; done < count; done++) {
            send_request(all, -1);
            while (!receive(all)) {}
            times[done] = now() - all->started;
            finish(all);
        }
    } else {
        int poll = epoll_create1(EPOLL_CLOEXEC);
        for (; sent < clients && sent < count; sent++) send_request(&all[sent], poll);
        while (done < count) {
            struct epoll_event events[64];
            int ready = epoll_wait(poll, events, 64, 30000);
            if (ready <= 0) fail("epoll_wait");
            for (int i = 0; i < ready; i++) {
                struct client *client = events[i].data.ptr;
                if (!receive(client)) continue;
                times[done++] = now() - client->started;
                finish(client);
                if (sent < count) {
                    sent++;
                    send_request(client, poll);
                }
            }
        }
    }
    double seconds = (now() - began) / 1e6;
    qsort(times, count, sizeof *times, compare);
    printf("{\"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f, \"per_second\": %.0f}\n", times[count / 2],
           times[(int)(count * 0.99)], times[count - 1], count / seconds);
    return 0;
}
