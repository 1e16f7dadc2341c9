/* A program around the network of test_header.py, on nothing but its header and the driver. */
#include "accel.h"
#include "small_network.h"

#define POLLS 100000u

/* The memory, byte by byte, as the processor reaches it. */
struct memory {
    void (*write)(uint32_t address, uint32_t value);
    uint32_t (*read)(uint32_t address);
};

static uint32_t quantised(double value, double scale, int zero_point, int least, int most)
{
    double steps = value / scale;
    int q = (int)(steps < 0 ? steps - 0.5 : steps + 0.5) + zero_point;

    return (uint32_t)(q < least ? least : q > most ? most : q) & 0xffu;
}

static double real(uint32_t byte, double scale, int zero_point, int most)
{
    int q = (int)byte;

    return scale * ((q > most ? q - 256 : q) - zero_point);
}

#define FOR(T)                                \
    for (y = 0; y < T##_HEIGHT; y++)          \
        for (x = 0; x < T##_WIDTH; x++)       \
            for (c = 0; c < T##_CHANNELS; c++)

#define PUT(T, values)                                                                             \
    FOR (T)                                                                                        \
        memory->write(base + T##_AT(y, x, c),                                                      \
                      T##_FLIP ^ quantised((values)[(y * T##_WIDTH + x) * T##_CHANNELS + c],       \
                                           T##_SCALE, T##_ZERO_POINT, T##_MIN, T##_MAX))

#define GET(T, values)                                                                             \
    FOR (T)                                                                                        \
        (values)[(y * T##_WIDTH + x) * T##_CHANNELS + c] = real(                                   \
            T##_FLIP ^ memory->read(base + T##_AT(y, x, c)), T##_SCALE, T##_ZERO_POINT, T##_MAX)

/* Runs the network once with its image at `base`. Returns the cycles, or minus what is wrong. */
int64_t run_network(const struct accel *accel, const struct memory *memory, uint32_t base,
                    const unsigned char *image, const double *first, const double *second,
                    double *output)
{
    const struct accel_program programs[SMALL_NETWORK_PROGRAMS] = {
        SMALL_NETWORK_PROGRAM_0(base, image + SMALL_NETWORK_PROGRAM_0_ADDRESS),
        SMALL_NETWORK_PROGRAM_1(base, image + SMALL_NETWORK_PROGRAM_1_ADDRESS),
    };
    uint32_t i, y, x, c;
    int64_t cycles = 0;

    for (i = 0; i < SMALL_NETWORK_IMAGE_BYTES; i++)
        memory->write(base + i, image[i]);
    PUT(SMALL_NETWORK_INPUT_0, first);
    PUT(SMALL_NETWORK_INPUT_1, second);
    if (accel_accepts(accel, SMALL_NETWORK_PROGRAM_0_FINGERPRINT))
        return -1;
    for (i = 0; i < SMALL_NETWORK_PROGRAMS; i++) {
        if (accel_start(accel, &programs[i], 0))
            return -2;
        if (accel_wait(accel, 0, POLLS))
            return -3;
        cycles += (int64_t)accel_cycles(accel);
        if (i)
            break;
        /* The host's slice: the channels from the second on. */
        FOR (SMALL_NETWORK_HOST_1)
            memory->write(base + SMALL_NETWORK_HOST_1_AT(y, x, c),
                          memory->read(base + SMALL_NETWORK_HOST_0_AT(y, x, c + 1)));
    }
    GET(SMALL_NETWORK_OUTPUT_0, output);
    return cycles;
}
