package matrix

// Kernel is one implementation of the multiplication. Results of different kernels
// differ only in the last bits: some round once for a product and its sum, others
// twice.
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

// SpareRows is how many rows a kernel may read and write beyond the requested ones,
// because it processes several rows at a time.
const SpareRows = 3

// Multiply sets out = in x by + bias for the first n rows. bias has one value per
// column and may be nil. out has the columns of by, padded to a multiple of Width.
// Both blocks must have SpareRows more rows than n; the values of those rows do not
// matter.
func (k Kernel) Multiply(out, in Rows, n int, by *Panels, bias []float32) {
	if n > 0 {
		k.multiply(out, in, n, by, bias)
	}
}

// Portable returns the kernel that runs on every processor.
func Portable() Kernel { return Kernel{Name: "portable", multiply: multiplyPortable} }

// Kernels returns the kernels that this processor can run, fastest first. The last
// one is the portable kernel.
func Kernels() []Kernel { return append(fast(), Portable()) }
