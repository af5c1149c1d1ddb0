/* Lets calls of the C library fail, or the clock step, in a process that loads this first.

   FAULTS_PATH   part of the paths whose writes fail
   FAULTS_AT     the number of the first write that fails, counted from 1
   FAULTS_COUNT  how many fail from there on; 0 for all
   FAULTS_ERROR  errno of them
   FAULTS_CLOCK  seed of the steps of the clock; without it the clock is left alone */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static atomic_long writes, looks;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

/* Whether this call on this file is one of those that fail. */
static int fails(int file) {
    const char *part = getenv("FAULTS_PATH");
    if (!part) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, part)) return 0;
    long now = atomic_fetch_add(&writes, 1) + 1, at = number("FAULTS_AT");
    long count = number("FAULTS_COUNT");
    if (now < at || (count && now >= at + count)) return 0;
    errno = (int)number("FAULTS_ERROR");
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *data, size_t size) {
    return fails(file) ? -1 : REAL(write)(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t place) {
    return fails(file) ? -1 : REAL(pwrite)(file, data, size, place);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t place) {
    return fails(file) ? -1 : REAL(pwrite64)(file, data, size, place);
}

int fsync(int file) { return fails(file) ? -1 : REAL(fsync)(file); }

int fdatasync(int file) { return fails(file) ? -1 : REAL(fdatasync)(file); }

/* The wall clock steps by up to an hour, forwards and backwards, about every hundredth look. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = REAL(clock_gettime)(clock, now);
    const char *seed = getenv("FAULTS_CLOCK");
    if (seed && status == 0 && clock == CLOCK_REALTIME) {
        unsigned long step = (unsigned long)(atomic_fetch_add(&looks, 1) / 100 + atol(seed));
        now->tv_sec += (long)(step * 2654435761UL % 7201) - 3600;
    }
    return status;
}
