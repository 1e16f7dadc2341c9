/* Bare-metal driver of the accelerator.
 *
 * C99 without a library. Registers, fault codes and counters are those of regs.h, and the same of
 * every machine: one driver serves several. For each run:
 *
 *     accel_start(&accel, &program, 1);       the interrupt comes when the run has ended
 *     accel_interrupt(&accel, &fault);        in its handler: how it ended
 *     accel_cycles(&accel);
 *
 * Without an interrupt, accel_wait instead of the handler.
 *
 * A run always ends: if the memory stops answering, with ACCEL_FAULT_TIMEOUT or the fault before
 * it. While the memory owes answers then, accel_start gives ACCEL_ERROR_BUSY and accel_reset
 * ACCEL_ERROR_TIMEOUT; its reset takes effect when all have come. If they never come, only the
 * reset signals of accelerator and memory help.
 *
 * Where a cache lies between the processor and the memory, the write range shares no line with
 * anything else. Before accel_start, write back the lines of the program, the constants and the
 * inputs, and invalidate those of the write range, written back where they hold what the program
 * reads: a changed line that leaves the cache later would replace results. After the end of the
 * run, before results are read, invalidate the lines of the write range again: the processor may
 * have fetched some meanwhile. The driver does neither.
 */
#ifndef ACCEL_H
#define ACCEL_H

#include <stdint.h>

#include "regs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return; errors are negative. */
enum {
    ACCEL_OK = 0,             /* done; of a run: it reached END */
    ACCEL_IDLE = 1,           /* nothing runs, and no end of a run is unanswered */
    ACCEL_RUNNING = 2,        /* a program runs, or the memory owes answers after it or a reset */
    ACCEL_ERROR_ID = -1,      /* the ID register is not ACCEL_ID_VALUE */
    ACCEL_ERROR_BUSY = -2,    /* not started: as ACCEL_RUNNING */
    ACCEL_ERROR_PROGRAM = -3, /* not started: address or size no multiple of ACCEL_PROGRAM_ALIGN,
                               * base none of ACCEL_BASE_ALIGN, bytes beyond address 2^32, or no
                               * program at all */
    ACCEL_ERROR_FAULT = -4,   /* the program stopped with a fault */
    ACCEL_ERROR_TIMEOUT = -5, /* still running after the given number of polls */
    ACCEL_ERROR_MACHINE = -6  /* not started: the program is for another machine */
};

/* An accelerator: the address of its registers, and how they are accessed. */
struct accel {
    uintptr_t base;
    uint32_t (*read)(uintptr_t address);
    void (*write)(uintptr_t address, uint32_t value);
};

/* A program and its memory, as mapping.json or the header of `map --header` has them. `base` is the
 * address on the accelerator's bus of program.bin's first byte; the others count from there, and
 * limits are the first byte beyond. Of mapping.json: program_addr and program_size of a segment,
 * read_range and write_range. */
struct accel_program {
    uint32_t base;
    uint32_t address;
    uint32_t size;
    uint32_t read_base;
    uint32_t read_limit;
    uint32_t write_base;
    uint32_t write_limit;
    /* The program where the processor finds it, of which accel_start reads the fingerprint: at
     * least ACCEL_PROGRAM_ALIGN bytes, as memory has them. Null where it finds it nowhere: then only
     * the machine itself refuses another's program. */
    const void *code;
};

/* Why a program stopped: ACCEL_FAULT_* and the command's index, counted from 0. */
struct accel_fault {
    uint32_t code;
    uint32_t command;
};

/* Memory-mapped access, for struct accel. */
uint32_t accel_mmio_read(uintptr_t address);
void accel_mmio_write(uintptr_t address, uint32_t value);

/* Whether an accelerator of this register map is there: ACCEL_OK or ACCEL_ERROR_ID. */
int accel_probe(const struct accel *accel);

/* Whether the accelerator runs programs with this fingerprint: ACCEL_OK or ACCEL_ERROR_MACHINE. Of
 * mapping.json: fingerprint of a segment. */
int accel_accepts(const struct accel *accel, uint32_t fingerprint);

/* Start a program, with the interrupt at its end enabled or not. The program and its data are in
 * memory by now: caches as said above, and a barrier passed where the processor needs one.
 * ACCEL_OK, ACCEL_ERROR_BUSY, ACCEL_ERROR_PROGRAM or ACCEL_ERROR_MACHINE. */
int accel_start(const struct accel *accel, const struct accel_program *program, int interrupt);

/* How the run stands; results are not to be read before caches are as said above.
 * ACCEL_RUNNING, ACCEL_OK, ACCEL_ERROR_FAULT or ACCEL_IDLE. The end of a run shows until
 * accel_interrupt, the next start or a reset. With ACCEL_ERROR_FAULT, *fault is set; fault may be
 * null. */
int accel_poll(const struct accel *accel, struct accel_fault *fault);

/* Poll until the run has ended, `polls` times at most: as accel_poll, or ACCEL_ERROR_TIMEOUT. */
int accel_wait(const struct accel *accel, struct accel_fault *fault, uint32_t polls);

/* As accel_poll, and answer the end of the run: the interrupt falls. For its handler. */
int accel_interrupt(const struct accel *accel, struct accel_fault *fault);

/* Soft reset: outstanding bus transfers end, then everything but the registers of the program is
 * cleared; the interrupt is disabled. Polls `polls` times at most: ACCEL_OK or
 * ACCEL_ERROR_TIMEOUT. */
int accel_reset(const struct accel *accel, uint32_t polls);

/* Cycles of the run from the write that starts it to the interrupt, or so far. */
uint64_t accel_cycles(const struct accel *accel);

/* A performance counter, ACCEL_COUNTER_*; 0 for any other number. */
uint64_t accel_counter(const struct accel *accel, uint32_t counter);

#ifdef __cplusplus
}
#endif

#endif
