/* GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright: (c) 2026, mailfleet contributors
 *
 * The wall clock of all processes that load this: the kernel's, and as many seconds as the page says. They share the
 * page, so the clock is set for all of them at once. Clocks that only count stay as they are.
 * Without headers, so that the compiler is all that is needed. tests/support/clock.py uses it. */

typedef long word;
struct moment { word seconds, parts; };

extern int open(const char *, int, ...), close(int);
extern void *mmap(void *, unsigned long, int, int, int, word), *dlsym(void *, const char *);

#define WALL(clock) ((clock) == 0 || (clock) == 5) /* CLOCK_REALTIME, CLOCK_REALTIME_COARSE */
#define NEXT ((void *)-1)                          /* RTLD_NEXT, and what mmap says when it cannot */

static int (*kernel)(int, struct moment *);
static volatile word *ahead;

__attribute__((constructor)) static void begin(void)
{
    int page = open(PAGE, 02000000); /* O_RDONLY | O_CLOEXEC */
    void *shared = page < 0 ? NEXT : mmap(0, sizeof(word), 1, 1, page, 0); /* PROT_READ, MAP_SHARED */

    if (page >= 0)
        close(page);
    if (shared != NEXT)
        ahead = shared;
}

int clock_gettime(int clock, struct moment *now)
{
    int failed;

    if (!kernel)
        kernel = dlsym(NEXT, "clock_gettime");
    failed = kernel(clock, now);
    if (!failed && ahead && WALL(clock))
        now->seconds += *ahead;
    return failed;
}

int gettimeofday(struct moment *now, void *zone)
{
    int failed = clock_gettime(0, now);

    now->parts /= 1000;
    return failed;
}

word time(word *now)
{
    struct moment found;

    clock_gettime(0, &found);
    if (now)
        *now = found.seconds;
    return found.seconds;
}
