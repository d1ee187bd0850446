package matrix

// Kernel is a way to multiply. All kernels give the same numbers but for the
// last bits: some round once for each product and sum, others twice.
type Kernel struct {
	Name     string
	multiply func(out, in Rows, n int, by *Panels, bias []float32)
}

// Rows is a block of rows in memory. Row i begins at Data[i*Stride].
type Rows struct {
	Data   []float32
	Stride int
}

// row returns the first n values of a row.
func (r Rows) row(i, n int) []float32 { return r.Data[i*r.Stride:][:n] }

// SpareRows is how many rows beyond those asked for a kernel may read from its
// input and write into its output: processors do several at a time.
const SpareRows = 3

// Multiply sets out = in x by + bias for the first n rows. bias has a value a
// column and may be nil. The columns of out are those of by, filled up to a
// multiple of Width. Both blocks must have SpareRows rows more than n, whose
// values do not matter.
func (k Kernel) Multiply(out, in Rows, n int, by *Panels, bias []float32) {
	if n > 0 {
		k.multiply(out, in, n, by, bias)
	}
}

// Portable is the kernel that runs on every processor.
func Portable() Kernel { return Kernel{Name: "portable", multiply: multiplyPortable} }

// Kernels are those that this processor can run, the fastest first. The last one
// is the portable one.
func Kernels() []Kernel { return append(fast(), Portable()) }
