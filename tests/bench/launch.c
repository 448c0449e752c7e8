// SPDX-License-Identifier: GPL-3.0-or-later
/// @file launch.c  Runs a command and writes down what it took.
///
///     bench_launch FILE COMMAND...
///
/// Writes JSON to FILE: CPU seconds (user and system, of the command and all it waited for), wall
/// seconds, and the peak memory in KiB of the largest of these processes. Exits as the command did.
/// A program of its own, as a child starts with the peak memory of whoever forked it: of this one
/// that is next to nothing.

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static int write_usage(const char *path, double wall_s, const struct rusage *usage)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "bench_launch: %s: %s\n", path, strerror(errno));
        return 1;
    }
    fprintf(file, "{\"cpu_s\": %.6f, \"wall_s\": %.6f, \"rss_kib\": %ld}\n",
            seconds(usage->ru_utime) + seconds(usage->ru_stime), wall_s, usage->ru_maxrss);
    return fclose(file) != 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "Usage: bench_launch FILE COMMAND...\n");
        return 2;
    }
    pid_t child = 0;
    const double start = now();
    const int failed = posix_spawnp(&child, argv[2], NULL, NULL, argv + 2, environ);
    if (failed) {
        fprintf(stderr, "bench_launch: %s: %s\n", argv[2], strerror(failed));
        return 127;
    }
    int status = 0;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0) {
        if (errno != EINTR) {
            return 127;
        }
    }
    if (write_usage(argv[1], now() - start, &usage) != 0) {
        return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
