#include "textflag.h"

// Units come with their octets swapped; the tail of a text is moved to the front by reading from further on, with zeros behind it.
DATA swapped<>+0(SB)/8, $0x0607040502030001
DATA swapped<>+8(SB)/8, $0x0E0F0C0D0A0B0809
DATA swapped<>+16(SB)/8, $0x8080808080808080
DATA swapped<>+24(SB)/8, $0x8080808080808080
GLOBL swapped<>(SB), RODATA|NOPTR, $32

// In lanes of 16 bits.
DATA above7FF<>+0(SB)/8, $0xF800F800F800F800
DATA above7FF<>+8(SB)/8, $0xF800F800F800F800
GLOBL above7FF<>(SB), RODATA|NOPTR, $16
DATA narrow<>+0(SB)/8, $0x007F007F007F007F
DATA narrow<>+8(SB)/8, $0x007F007F007F007F
GLOBL narrow<>(SB), RODATA|NOPTR, $16
DATA low6<>+0(SB)/8, $0x003F003F003F003F
DATA low6<>+8(SB)/8, $0x003F003F003F003F
GLOBL low6<>(SB), RODATA|NOPTR, $16
DATA two<>+0(SB)/8, $0xC080C080C080C080
DATA two<>+8(SB)/8, $0xC080C080C080C080
GLOBL two<>(SB), RODATA|NOPTR, $16
DATA surrogate<>+0(SB)/8, $0xD800D800D800D800
DATA surrogate<>+8(SB)/8, $0xD800D800D800D800
GLOBL surrogate<>(SB), RODATA|NOPTR, $16

// In lanes of 32 bits.
DATA wide32<>+0(SB)/8, $0x0000007F0000007F
DATA wide32<>+8(SB)/8, $0x0000007F0000007F
GLOBL wide32<>(SB), RODATA|NOPTR, $16
DATA wider32<>+0(SB)/8, $0x000007FF000007FF
DATA wider32<>+8(SB)/8, $0x000007FF000007FF
GLOBL wider32<>(SB), RODATA|NOPTR, $16
DATA low32<>+0(SB)/8, $0x0000003F0000003F
DATA low32<>+8(SB)/8, $0x0000003F0000003F
GLOBL low32<>(SB), RODATA|NOPTR, $16
DATA middle32<>+0(SB)/8, $0x00003F0000003F00
DATA middle32<>+8(SB)/8, $0x00003F0000003F00
GLOBL middle32<>(SB), RODATA|NOPTR, $16
DATA two32<>+0(SB)/8, $0x000080C0000080C0
DATA two32<>+8(SB)/8, $0x000080C0000080C0
GLOBL two32<>(SB), RODATA|NOPTR, $16
DATA three32<>+0(SB)/8, $0x008080E0008080E0
DATA three32<>+8(SB)/8, $0x008080E0008080E0
GLOBL three32<>(SB), RODATA|NOPTR, $16

// For surrogate pairs, the first half of which is the lower half of a lane of 32 bits.
DATA tops32<>+0(SB)/8, $0xFC00FC00FC00FC00
DATA tops32<>+8(SB)/8, $0xFC00FC00FC00FC00
GLOBL tops32<>(SB), RODATA|NOPTR, $16
DATA pair32<>+0(SB)/8, $0xDC00D800DC00D800
DATA pair32<>+8(SB)/8, $0xDC00D800DC00D800
GLOBL pair32<>(SB), RODATA|NOPTR, $16
DATA bits32<>+0(SB)/8, $0x03FF03FF03FF03FF
DATA bits32<>+8(SB)/8, $0x03FF03FF03FF03FF
GLOBL bits32<>(SB), RODATA|NOPTR, $16
DATA join32<>+0(SB)/8, $0x0001040000010400
DATA join32<>+8(SB)/8, $0x0001040000010400
GLOBL join32<>(SB), RODATA|NOPTR, $16
DATA plane32<>+0(SB)/8, $0x0001000000010000
DATA plane32<>+8(SB)/8, $0x0001000000010000
GLOBL plane32<>(SB), RODATA|NOPTR, $16
DATA third32<>+0(SB)/8, $0x003F0000003F0000
DATA third32<>+8(SB)/8, $0x003F0000003F0000
GLOBL third32<>(SB), RODATA|NOPTR, $16
DATA four32<>+0(SB)/8, $0x808080F0808080F0
DATA four32<>+8(SB)/8, $0x808080F0808080F0
GLOBL four32<>(SB), RODATA|NOPTR, $16

// For UTF-8: octets, then lanes of 16 bits.
DATA topTwo<>+0(SB)/8, $0xC0C0C0C0C0C0C0C0
DATA topTwo<>+8(SB)/8, $0xC0C0C0C0C0C0C0C0
GLOBL topTwo<>(SB), RODATA|NOPTR, $16
DATA second<>+0(SB)/8, $0x8080808080808080
DATA second<>+8(SB)/8, $0x8080808080808080
GLOBL second<>(SB), RODATA|NOPTR, $16
DATA lastFirst<>+0(SB)/8, $0xDFDFDFDFDFDFDFDF
DATA lastFirst<>+8(SB)/8, $0xDFDFDFDFDFDFDFDF
GLOBL lastFirst<>(SB), RODATA|NOPTR, $16
DATA first<>+0(SB)/8, $0xFEFEFEFEFEFEFEFE
DATA first<>+8(SB)/8, $0xFEFEFEFEFEFEFEFE
GLOBL first<>(SB), RODATA|NOPTR, $16
DATA seven<>+0(SB)/8, $0x007F007F007F007F
DATA seven<>+8(SB)/8, $0x007F007F007F007F
GLOBL seven<>(SB), RODATA|NOPTR, $16
DATA five<>+0(SB)/8, $0x1F001F001F001F00
DATA five<>+8(SB)/8, $0x1F001F001F001F00
GLOBL five<>(SB), RODATA|NOPTR, $16

// FOUR writes the UTF-8 of the four characters in the lanes of 32 bits of X0, none of which is a surrogate, and moves DI by what they take.
#define FOUR \
	MOVO X0, X1            \ // X1: takes two octets or more
	PCMPGTL wide32<>(SB), X1 \
	MOVO X0, X2            \ // X2: takes three
	PCMPGTL wider32<>(SB), X2 \
	MOVMSKPS X1, AX        \
	MOVMSKPS X2, DX        \
	SHLL $4, DX            \
	ORL DX, AX             \
	POPCNTL AX, R11        \
	SHLL $4, AX            \
	MOVO X0, X3            \ // X3: the last six bits
	PAND low32<>(SB), X3   \
	MOVO X3, X4            \ // X4: as two octets
	PSLLL $8, X4           \
	MOVO X0, X5            \
	PSRLL $6, X5           \
	POR X5, X4             \
	POR two32<>(SB), X4    \
	PSLLL $16, X3          \ // X3: as three
	MOVO X0, X5            \
	PSRLL $12, X5          \
	POR X5, X3             \
	MOVO X0, X5            \
	PSLLL $2, X5           \
	PAND middle32<>(SB), X5 \
	POR X5, X3             \
	POR three32<>(SB), X3  \
	PAND X2, X3            \ // each lane takes what it needs
	PANDN X4, X2           \
	POR X3, X2             \
	PAND X1, X2            \
	PANDN X0, X1           \
	POR X1, X2             \
	MOVOU 4096(BX)(AX*1), X5 \
	PSHUFB X5, X2          \
	MOVOU X2, (DI)         \
	LEAQ 4(DI)(R11*1), DI

// func utf16Groups(out *byte, octets *byte, rest int, tables *gatherings) (read, written int)
TEXT ·utf16Groups(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ octets+8(FP), SI
	MOVQ rest+16(FP), CX
	MOVQ tables+24(FP), BX
	MOVQ DI, R8
	MOVQ SI, R9
	XORL R10, R10 // how many of the eight units are not there
	PXOR X8, X8
	SUBQ $16, CX
	JLT  tail

group:
	MOVOU (SI), X4
	PSHUFB swapped<>(SB), X4

eight:
	PTEST above7FF<>(SB), X4
	JNE  three
	MOVO X4, X0 // X0: takes two octets
	PCMPGTW narrow<>(SB), X0
	MOVO X4, X2 // X2: as two octets, the first one in the upper half
	PSLLW $2, X2
	PAND five<>(SB), X2
	MOVO X4, X3
	PAND low6<>(SB), X3
	POR  X3, X2
	POR  two<>(SB), X2
	PBLENDVB X0, X2, X4
	PACKSSWB X8, X0
	PMOVMSKB X0, AX
	POPCNTL AX, R11
	SHLL $4, AX
	MOVOU (BX)(AX*1), X3
	PSHUFB X3, X4
	MOVOU X4, (DI)
	LEAQ 8(DI)(R11*1), DI
	ADDQ $16, SI
	SUBQ $16, CX
	JGE  group

tail:
	ADDQ $16, CX
	JLE  done
	// What is there ends where the text does, and at least eight units come before its end.
	MOVOU -16(SI)(CX*1), X4
	MOVL $16, R10
	SUBL CX, R10
	LEAQ swapped<>(SB), AX
	MOVOU (AX)(R10*1), X1
	PSHUFB X1, X4
	SHRL $1, R10
	SUBQ $16, CX
	JMP  eight

three:
	MOVO X4, X1
	PAND above7FF<>(SB), X1
	PCMPEQW surrogate<>(SB), X1
	PMOVMSKB X1, AX
	TESTL AX, AX
	JNE  pairs
	PMOVZXWD X4, X6
	PSRLDQ $8, X4
	PMOVZXWD X4, X7
	MOVO X6, X0
	FOUR
	MOVO X7, X0
	FOUR
	ADDQ $16, SI
	SUBQ $16, CX
	JGE  group
	JMP  tail

pairs:
	MOVO X4, X0
	MOVO X4, X1
	PAND tops32<>(SB), X1
	PCMPEQL pair32<>(SB), X1
	PMOVMSKB X1, AX
	CMPL AX, $0xFFFF
	JNE  stop
	PAND bits32<>(SB), X0
	PMADDWL join32<>(SB), X0
	PADDL plane32<>(SB), X0
	MOVO X0, X1 // X1: the four octets
	PSRLL $18, X1
	MOVO X0, X2
	PSRLL $4, X2
	PAND middle32<>(SB), X2
	POR  X2, X1
	MOVO X0, X2
	PSLLL $10, X2
	PAND third32<>(SB), X2
	POR  X2, X1
	PAND low32<>(SB), X0
	PSLLL $24, X0
	POR  X0, X1
	POR  four32<>(SB), X1
	MOVOU X1, (DI)
	ADDQ $16, DI
	ADDQ $16, SI
	SUBQ $16, CX
	JGE  group
	JMP  tail

stop:
	// A tail that stops is read again, and was not moved.
	XORL R10, R10

done:
	// Zeros took an octet each and do not count.
	SUBQ R10, DI
	SUBQ R10, SI
	SUBQ R10, SI
	SUBQ R8, DI
	SUBQ R9, SI
	MOVQ SI, read+32(FP)
	MOVQ DI, written+40(FP)
	RET

// PAIRS looks at the octets in X0: X1 and AX are those that go on with a character, DX those that begin one of two octets. R10 is not zero where a first octet has no second, or a second no first,
// with a bit above all octets when the last one is a first; X2 is not zero when there are octets that begin longer characters or none.
#define PAIRS \
	MOVO X0, X1                \
	PAND topTwo<>(SB), X1      \
	PCMPEQB second<>(SB), X1   \
	MOVO X0, X3                \ // X3: is C0 or C1
	PAND first<>(SB), X3       \
	PCMPEQB topTwo<>(SB), X3   \
	MOVO X0, X2                \ // X2: is E0 or more
	PSUBUSB lastFirst<>(SB), X2 \
	POR  X3, X2                \
	PMOVMSKB X0, DX            \
	PMOVMSKB X1, AX            \
	XORL AX, DX                \
	LEAL (DX)(DX*1), R10       \
	XORL AX, R10               \
	PTEST X2, X2

// UNITS writes the UTF-16 of the eight octets in X0, of which AX go on with a character, and leaves their number in R11. Tables are at BX.
#define UNITS \
	POPCNTL AX, R11        \
	SHLL $4, AX            \
	MOVOU (BX)(AX*1), X1   \
	PSHUFB X1, X0          \
	MOVO X0, X1            \
	PAND seven<>(SB), X0   \
	PAND five<>(SB), X1    \
	PSRLW $2, X1           \
	POR  X1, X0            \
	PSHUFB X7, X0          \
	MOVOU X0, (DI)

// func utf8Groups(out *byte, text *byte, rest int, tables *[256]gathering) (read, written int)
TEXT ·utf8Groups(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ rest+16(FP), CX
	MOVQ tables+24(FP), BX
	MOVQ DI, R8
	MOVQ SI, R9
	MOVOU swapped<>(SB), X7

octets:
	SUBQ $8, CX
	JLT  last
	MOVQ (SI), X0
	PAIRS
	JNE  end
	TESTL $0xFF, R10
	JNE  end
	UNITS
	SHRL $7, DX // 1 when the second octet of the last character is not among the eight
	ADDQ $8, SI
	SUBQ DX, SI
	ADDQ DX, CX
	ADDL DX, R11
	ADDL R11, R11
	ADDQ $16, DI
	SUBQ R11, DI
	JMP  octets

last:
	// The tail, moved to the front with zeros behind it.
	MOVQ CX, R12
	NEGQ R12 // how many of the eight are not of it
	ADDQ $8, CX
	JEQ  end
	MOVQ -8(SI)(CX*1), R13
	MOVQ CX, R15
	MOVQ R12, CX
	SHLQ $3, CX
	SHRQ CX, R13
	MOVQ R13, X0
	PAIRS
	JNE  end
	TESTL R10, R10
	JNE  end
	UNITS
	ADDQ R15, SI
	ADDL R12, R11
	ADDL R11, R11
	ADDQ $16, DI
	SUBQ R11, DI

end:
	SUBQ R8, DI
	SUBQ R9, SI
	MOVQ SI, read+32(FP)
	MOVQ DI, written+40(FP)
	RET

// Moves the tail of a text to the front by reading from further on, with zeros behind it.
DATA front<>+0(SB)/8, $0x0706050403020100
DATA front<>+8(SB)/8, $0x0F0E0D0C0B0A0908
DATA front<>+16(SB)/8, $0x8080808080808080
DATA front<>+24(SB)/8, $0x8080808080808080
GLOBL front<>(SB), RODATA|NOPTR, $32

// func utf8Count(text *byte, rest int) (read, characters int)
TEXT ·utf8Count(SB), NOSPLIT, $0-32
	MOVQ text+0(FP), SI
	MOVQ rest+8(FP), CX
	MOVQ SI, R9
	XORL R8, R8

sixteen:
	SUBQ $16, CX
	JLT  last
	MOVOU (SI), X0
	PAIRS
	JNE  counted
	TESTL $0xFFFF, R10
	JNE  counted
	POPCNTL AX, AX
	SHRL $15, DX // 1 when the second octet of the last character is not among the sixteen
	ADDQ DX, CX
	ADDL DX, AX
	ADDQ $16, SI
	SUBQ DX, SI
	ADDQ $16, R8
	SUBQ AX, R8
	JMP  sixteen

last:
	ADDQ $16, CX
	JEQ  counted
	MOVOU -16(SI)(CX*1), X0
	LEAQ front<>+16(SB), R11
	SUBQ CX, R11
	MOVOU (R11), X1
	PSHUFB X1, X0
	PAIRS
	JNE  counted
	TESTL R10, R10
	JNE  counted
	POPCNTL AX, AX
	ADDQ CX, SI
	ADDQ CX, R8
	SUBQ AX, R8

counted:
	SUBQ R9, SI
	MOVQ SI, read+16(FP)
	MOVQ R8, characters+24(FP)
	RET

// Plain octets: for the lower half of an octet the upper halves that go with it, from 2 to 7 in a bit each, and for the upper half its bit.
DATA lowers<>+0(SB)/8, $0x3F3F3F3E3F3F3F2B
DATA lowers<>+8(SB)/8, $0x17171717173F3F3F
GLOBL lowers<>(SB), RODATA|NOPTR, $16
DATA uppers<>+0(SB)/8, $0x2010080402010000
DATA uppers<>+8(SB)/8, $0x0000000000000000
GLOBL uppers<>(SB), RODATA|NOPTR, $16
DATA half<>+0(SB)/8, $0x0F0F0F0F0F0F0F0F
DATA half<>+8(SB)/8, $0x0F0F0F0F0F0F0F0F
GLOBL half<>(SB), RODATA|NOPTR, $16

// func plainCount(text *byte, rest int) int
TEXT ·plainCount(SB), NOSPLIT, $0-24
	MOVQ text+0(FP), SI
	MOVQ rest+8(FP), CX
	MOVQ SI, R9
	MOVOU lowers<>(SB), X4
	MOVOU uppers<>(SB), X5
	MOVOU half<>(SB), X6
	PXOR X7, X7

plain:
	SUBQ $16, CX
	JLT  counted
	MOVOU (SI), X0
	MOVO X4, X1
	PSHUFB X0, X1 // an octet of 80 or more finds nothing
	PSRLW $4, X0
	PAND X6, X0
	MOVO X5, X2
	PSHUFB X0, X2
	PAND X2, X1
	PCMPEQB X7, X1
	PTEST X1, X1
	JNE  counted
	ADDQ $16, SI
	JMP  plain

counted:
	SUBQ R9, SI
	MOVQ SI, ret+16(FP)
	RET
