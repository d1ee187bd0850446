#include "textflag.h"

// Registers, in both functions:
//   DI, R8   output and its step      SI, R9   input and its step
//   R10      the input's fourth row   BX       panel
//   CX       products still to add    DX       start
//   Y0, Y1   a row of the panel       Y2, Y3   an input value, sixteen times
//   Y4-Y15   the sums, two a row

// The sums of the first row, before anything is added.
#define START \
	VXORPS Y4, Y4, Y4;  \
	VXORPS Y5, Y5, Y5;  \
	TESTQ  DX, DX;      \
	JZ     3(PC);       \
	VMOVUPS (DX), Y4;   \
	VMOVUPS 32(DX), Y5

#define TWO_ROWS(first, second, a, b, c, d) \
	VBROADCASTSS first, Y2;  \
	VBROADCASTSS second, Y3; \
	VFMADD231PS Y0, Y2, a;   \
	VFMADD231PS Y1, Y2, b;   \
	VFMADD231PS Y0, Y3, c;   \
	VFMADD231PS Y1, Y3, d

// func sixRows(to *float32, toStep uintptr, from *float32, fromStep uintptr, panel *float32, k uintptr, start *float32)
TEXT ·sixRows(SB), NOSPLIT, $0-56
	MOVQ to+0(FP), DI
	MOVQ toStep+8(FP), R8
	MOVQ from+16(FP), SI
	MOVQ fromStep+24(FP), R9
	MOVQ panel+32(FP), BX
	MOVQ k+40(FP), CX
	MOVQ start+48(FP), DX
	LEAQ (SI)(R9*2), R10
	ADDQ R9, R10
	START
	VMOVAPS Y4, Y6
	VMOVAPS Y5, Y7
	VMOVAPS Y4, Y8
	VMOVAPS Y5, Y9
	VMOVAPS Y4, Y10
	VMOVAPS Y5, Y11
	VMOVAPS Y4, Y12
	VMOVAPS Y5, Y13
	VMOVAPS Y4, Y14
	VMOVAPS Y5, Y15

	PCALIGN $32
six:
	VMOVUPS (BX), Y0
	VMOVUPS 32(BX), Y1
	PREFETCHT0 1024(BX)
	TWO_ROWS((SI), (SI)(R9*1), Y4, Y5, Y6, Y7)
	TWO_ROWS((SI)(R9*2), (R10), Y8, Y9, Y10, Y11)
	TWO_ROWS((R10)(R9*1), (R10)(R9*2), Y12, Y13, Y14, Y15)
	ADDQ $4, SI
	ADDQ $4, R10
	ADDQ $64, BX
	DECQ CX
	JNZ  six

	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	ADDQ    R8, DI
	VMOVUPS Y6, (DI)
	VMOVUPS Y7, 32(DI)
	ADDQ    R8, DI
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, 32(DI)
	ADDQ    R8, DI
	VMOVUPS Y10, (DI)
	VMOVUPS Y11, 32(DI)
	ADDQ    R8, DI
	VMOVUPS Y12, (DI)
	VMOVUPS Y13, 32(DI)
	ADDQ    R8, DI
	VMOVUPS Y14, (DI)
	VMOVUPS Y15, 32(DI)
	VZEROUPPER
	RET

// func fourRows(to *float32, toStep uintptr, from *float32, fromStep uintptr, panel *float32, k uintptr, start *float32)
TEXT ·fourRows(SB), NOSPLIT, $0-56
	MOVQ to+0(FP), DI
	MOVQ toStep+8(FP), R8
	MOVQ from+16(FP), SI
	MOVQ fromStep+24(FP), R9
	MOVQ panel+32(FP), BX
	MOVQ k+40(FP), CX
	MOVQ start+48(FP), DX
	LEAQ (SI)(R9*2), R10
	ADDQ R9, R10
	START
	VMOVAPS Y4, Y6
	VMOVAPS Y5, Y7
	VMOVAPS Y4, Y8
	VMOVAPS Y5, Y9
	VMOVAPS Y4, Y10
	VMOVAPS Y5, Y11

	PCALIGN $32
four:
	VMOVUPS (BX), Y0
	VMOVUPS 32(BX), Y1
	PREFETCHT0 1024(BX)
	TWO_ROWS((SI), (SI)(R9*1), Y4, Y5, Y6, Y7)
	TWO_ROWS((SI)(R9*2), (R10), Y8, Y9, Y10, Y11)
	ADDQ $4, SI
	ADDQ $4, R10
	ADDQ $64, BX
	DECQ CX
	JNZ  four

	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	ADDQ    R8, DI
	VMOVUPS Y6, (DI)
	VMOVUPS Y7, 32(DI)
	ADDQ    R8, DI
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, 32(DI)
	ADDQ    R8, DI
	VMOVUPS Y10, (DI)
	VMOVUPS Y11, 32(DI)
	VZEROUPPER
	RET
