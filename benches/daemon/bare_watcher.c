// The bare mechanism that the daemon is compared with, and no more: one fanotify mark on one
// parameter, a blocking read, and for each foreign event one pread and at most one pwrite.
//
//   cc -O2 -o bare_watcher bare_watcher.c && ./bare_watcher /proc/sys/KEY VALUE
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    struct sched_param first = { .sched_priority = 1 };
    char wanted[64], now[256], events[65536];
    int length = snprintf(wanted, sizeof wanted, "%s\n", argv[2]);
    int in = open(argv[1], O_RDONLY | O_CLOEXEC), out = open(argv[1], O_WRONLY | O_CLOEXEC);
    int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);

    if (in < 0 || out < 0 || group < 0 ||
        fanotify_mark(group, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, argv[1]) ||
        sched_setscheduler(0, SCHED_FIFO, &first) || mlockall(MCL_CURRENT)) {
        perror("bare_watcher");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int got = read(group, events, sizeof events), foreign = 0;
        struct fanotify_event_metadata *event = (void *)events;
        if (got < 0)
            return 1;
        for (; FAN_EVENT_OK(event, got); event = FAN_EVENT_NEXT(event, got)) {
            if (event->fd >= 0)
                close(event->fd);
            foreign |= event->pid != getpid();
        }
        if (!foreign)
            continue;
        got = pread(in, now, sizeof now, 0);
        if (got != length || memcmp(now, wanted, length))
            if (pwrite(out, wanted, length, 0) != length)
                perror("bare_watcher");
    }
}
