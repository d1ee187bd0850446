package book

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// The file begins with a header: the magic, the id, the owner, the position before the first
// record, and a checksum. Then come frames, one for each call of Append: the magic, the
// position of the first record, the number of records, a checksum of all of the frame, and the
// records. All numbers are big-endian.
const (
	fileMagic  = "LETHELG1"
	frameMagic = "LFRM"

	headerSize = len(fileMagic) + IDSize + OwnerSize + 8 + 4
	frameHead  = len(frameMagic) + 8 + 4 + 4
	recordSize = 8 + 1 + HashSize
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type header struct {
	id    [IDSize]byte
	owner [OwnerSize]byte
	base  uint64 // the position before the first record
}

func (h header) encode() []byte {
	b := append([]byte(fileMagic), h.id[:]...)
	b = append(b, h.owner[:]...)
	b = binary.BigEndian.AppendUint64(b, h.base)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeHeader returns false for what is no header.
func decodeHeader(b []byte) (h header, ok bool) {
	if len(b) != headerSize || string(b[:len(fileMagic)]) != fileMagic ||
		binary.BigEndian.Uint32(b[headerSize-4:]) != crc32.Checksum(b[:headerSize-4], castagnoli) {
		return h, false
	}
	b = b[len(fileMagic):]
	copy(h.id[:], b)
	copy(h.owner[:], b[IDSize:])
	h.base = binary.BigEndian.Uint64(b[IDSize+OwnerSize:])
	return h, true
}

// encodeFrame writes records of which the first has this position.
func encodeFrame(first uint64, records []Record) []byte {
	b := make([]byte, 0, frameHead+len(records)*recordSize)
	b = append(b, frameMagic...)
	b = binary.BigEndian.AppendUint64(b, first)
	b = binary.BigEndian.AppendUint32(b, uint32(len(records))) //nolint:gosec // at most MaxBatch
	b = append(b, 0, 0, 0, 0)                                  // the checksum
	for _, r := range records {
		b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMicro())) //nolint:gosec // any time
		b = append(b, r.Kind)
		b = append(b, r.Hash[:]...)
	}
	binary.BigEndian.PutUint32(b[frameHead-4:], frameSum(b))
	return b
}

// frameSum is the checksum of a frame, without the place of the checksum itself.
func frameSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:frameHead-4], castagnoli), castagnoli, b[frameHead:])
}

// decodeFrame reads the frame at the beginning of b. It returns its size, or 0 when there is no
// whole and valid frame.
func decodeFrame(b []byte) (first uint64, records []Record, size int) {
	if len(b) < frameHead || string(b[:len(frameMagic)]) != frameMagic {
		return 0, nil, 0
	}
	first = binary.BigEndian.Uint64(b[len(frameMagic):])
	n := binary.BigEndian.Uint32(b[len(frameMagic)+8:])
	size = frameHead + int(n)*recordSize
	if n == 0 || n > MaxBatch || len(b) < size || frameSum(b[:size]) != binary.BigEndian.Uint32(b[frameHead-4:]) {
		return 0, nil, 0
	}
	records = make([]Record, n)
	for i := range records {
		at := b[frameHead+i*recordSize:]
		records[i].At = time.UnixMicro(int64(binary.BigEndian.Uint64(at))).UTC() //nolint:gosec // as it was written
		records[i].Kind = at[8]
		copy(records[i].Hash[:], at[9:])
	}
	return first, records, size
}
