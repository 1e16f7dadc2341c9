#include "accel.h"

#define ENDED (ACCEL_STATUS_DONE_MASK | ACCEL_STATUS_FAULT_MASK)

uint32_t accel_mmio_read(uintptr_t address)
{
    return *(volatile uint32_t *)address;
}

void accel_mmio_write(uintptr_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

static uint32_t get(const struct accel *accel, uint32_t offset)
{
    return accel->read(accel->base + offset);
}

static void set(const struct accel *accel, uint32_t offset, uint32_t value)
{
    accel->write(accel->base + offset, value);
}

/* Both halves of one moment, from the low half's offset: the high half must not change between. */
static uint64_t get_wide(const struct accel *accel, uint32_t offset)
{
    uint32_t low, high, before;

    high = get(accel, offset + 4u);
    do {
        before = high;
        low = get(accel, offset);
        high = get(accel, offset + 4u);
    } while (high != before);
    return (uint64_t)high << 32 | low;
}

int accel_probe(const struct accel *accel)
{
    return get(accel, ACCEL_ID) == ACCEL_ID_VALUE ? ACCEL_OK : ACCEL_ERROR_ID;
}

int accel_accepts(const struct accel *accel, uint32_t fingerprint)
{
    uint32_t own = get(accel, ACCEL_FINGERPRINT);
    uint32_t other = own ^ fingerprint;

    if (!(fingerprint & ACCEL_FINGERPRINT_ROWS_MASK))
        other &= ~ACCEL_FINGERPRINT_ROWS_MASK;
    if (other & ~ACCEL_FINGERPRINT_LAST_LINE_MASK)
        return ACCEL_ERROR_MACHINE;
    return (fingerprint & ACCEL_FINGERPRINT_LAST_LINE_MASK) <=
                   (own & ACCEL_FINGERPRINT_LAST_LINE_MASK)
               ? ACCEL_OK
               : ACCEL_ERROR_MACHINE;
}

/* The fingerprint of the first command: memory is little-endian, whatever the processor is. */
static uint32_t fingerprint_of(const void *code)
{
    const unsigned char *byte = (const unsigned char *)code + ACCEL_FINGERPRINT_BYTE;

    return byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

/* Whether the bytes before this limit have addresses of 32 bits. */
static int in_reach(const struct accel_program *program, uint64_t limit)
{
    return program->base + limit <= (uint64_t)1 << 32;
}

int accel_start(const struct accel *accel, const struct accel_program *program, int interrupt)
{
    uint32_t control = ACCEL_CONTROL_START_MASK;

    if (!program->size || (program->address | program->size) % ACCEL_PROGRAM_ALIGN ||
        program->base % ACCEL_BASE_ALIGN || !in_reach(program, program->read_limit) ||
        !in_reach(program, program->write_limit) ||
        !in_reach(program, (uint64_t)program->address + program->size))
        return ACCEL_ERROR_PROGRAM;
    if (program->code && accel_accepts(accel, fingerprint_of(program->code)))
        return ACCEL_ERROR_MACHINE;
    if (get(accel, ACCEL_STATUS) & ACCEL_STATUS_BUSY_MASK)
        return ACCEL_ERROR_BUSY;
    set(accel, ACCEL_BASE, program->base);
    set(accel, ACCEL_PROGRAM_ADDR, program->address);
    set(accel, ACCEL_PROGRAM_SIZE, program->size);
    set(accel, ACCEL_READ_BASE, program->read_base);
    set(accel, ACCEL_READ_LIMIT, program->read_limit);
    set(accel, ACCEL_WRITE_BASE, program->write_base);
    set(accel, ACCEL_WRITE_LIMIT, program->write_limit);
    if (interrupt)
        control |= ACCEL_CONTROL_IRQ_ENABLE_MASK;
    set(accel, ACCEL_CONTROL, control);
    return ACCEL_OK;
}

int accel_poll(const struct accel *accel, struct accel_fault *fault)
{
    uint32_t status = get(accel, ACCEL_STATUS);

    if (status & ACCEL_STATUS_FAULT_MASK) {
        if (fault) {
            fault->code =
                (status & ACCEL_STATUS_FAULT_CODE_MASK) >> ACCEL_STATUS_FAULT_CODE_SHIFT;
            fault->command = get(accel, ACCEL_FAULT_INDEX);
        }
        return ACCEL_ERROR_FAULT;
    }
    if (status & ACCEL_STATUS_DONE_MASK)
        return ACCEL_OK;
    return status & ACCEL_STATUS_BUSY_MASK ? ACCEL_RUNNING : ACCEL_IDLE;
}

int accel_wait(const struct accel *accel, struct accel_fault *fault, uint32_t polls)
{
    int result;

    while (polls--) {
        result = accel_poll(accel, fault);
        if (result != ACCEL_RUNNING)
            return result;
    }
    return ACCEL_ERROR_TIMEOUT;
}

int accel_interrupt(const struct accel *accel, struct accel_fault *fault)
{
    int result = accel_poll(accel, fault);

    if (result == ACCEL_OK || result == ACCEL_ERROR_FAULT)
        set(accel, ACCEL_STATUS, ENDED);
    return result;
}

int accel_reset(const struct accel *accel, uint32_t polls)
{
    set(accel, ACCEL_CONTROL, ACCEL_CONTROL_RESET_MASK);
    while (polls--)
        if (!(get(accel, ACCEL_STATUS) & ACCEL_STATUS_BUSY_MASK))
            return ACCEL_OK;
    return ACCEL_ERROR_TIMEOUT;
}

uint64_t accel_cycles(const struct accel *accel)
{
    return get_wide(accel, ACCEL_CYCLES_LO);
}

uint64_t accel_counter(const struct accel *accel, uint32_t counter)
{
    if (counter >= ACCEL_COUNTERS)
        return 0;
    return get_wide(accel, ACCEL_COUNTER_BASE + ACCEL_COUNTER_STRIDE * counter);
}
