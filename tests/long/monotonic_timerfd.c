/*
 * monotonic_timerfd.c: stands before libfaketime, which moves the deadline of every
 * timerfd as if it were a time of the wall clock. Those of waitd are of the monotonic
 * clock, which the kernel never moves.
 */
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

int
timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *was)
{
    return (int)syscall(SYS_timerfd_settime, fd, flags, at, was);
}
