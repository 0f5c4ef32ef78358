/* Times oidc-agent's own C library, which its clients use: encrypted, a new connection for each token.

   agent_library COUNT ACCOUNT; needs OIDC_SOCK. Prints a JSON object; times in microseconds. */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int compare(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    void *library = dlopen("liboidc-agent.so.4", RTLD_NOW);
    if (!library) return 3;
    char *(*token)(const char *, unsigned long, const char *) = dlsym(library, "getAccessToken");
    if (!token) return 3;
    int count = atoi(argv[1]);
    double *times = calloc(count, sizeof *times), began = now();
    for (int i = 0; i < count; i++) {
        double started = now();
        char *found = token(argv[2], 60, NULL);
        if (!found) return 1;
        times[i] = now() - started; /* the token is left to the end: the library allocates in a way of its own */
    }
    double seconds = (now() - began) / 1e6;
    qsort(times, count, sizeof *times, compare);
    printf("{\"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f, \"per_second\": %.0f}\n", times[count / 2],
           times[(int)(count * 0.99)], times[count - 1], count / seconds);
    return 0;
}
