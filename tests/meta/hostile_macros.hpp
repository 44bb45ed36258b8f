// SPDX-License-Identifier: MIT
// Names that other people's headers define as macros: Qt, <windows.h>, <complex.h>, <math.h>, <ctype.h>, Arduino.
#define emit
#define signals
#define slots
#define foreach hostile
#define forever hostile
#define near
#define far
#define small char
#define interface struct
#define assert(x) hostile
#define ERROR 0
#define DOMAIN 1
#define OVERFLOW 3
#define EMPTY hostile
#define FULL hostile
#define DELETE hostile
#define IN
#define OUT
#define A hostile
#define B0 hostile
#define B1 hostile
#define I hostile
#define X hostile
