// Gives the machine, as CXXRTL has it, the inputs of a recording and counts outputs that differ.
#include <cstdio>
#include <string>
#include "machine.h"

static char inputs[4096], outputs[4096], known[4096];

static uint64_t bits(const char *from, unsigned width) {
  return std::stoull(std::string(from, width), nullptr, 2);
}

int main() {
  cxxrtl_design::p_$top top;
  unsigned rows = 0, wrong = 0;
  FILE *file = fopen("rows.txt", "r");
  while (fscanf(file, "%4095s %4095s %4095s", inputs, outputs, known) == 3) {
    $set
    top.p_clk.set(false);
    top.step();
    bool differs = false;
    $compare
    if (differs && wrong++ == 0) printf("row %u\n", rows);
    rows++;
    top.p_clk.set(true);
    top.step();
  }
  printf("%u rows, %u wrong\n", rows, wrong);
}
