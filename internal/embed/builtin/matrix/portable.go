package matrix

// multiplyPortable computes two rows by four columns at a time: eight sums fit into
// the registers of every processor, and each loaded value is used two or four times.
func multiplyPortable(out, in Rows, n int, by *Panels, bias []float32) {
	for col := 0; col < by.cols; col += 4 {
		panel := by.panel(col / Width)[col%Width:]
		var start [4]float32
		if bias != nil {
			copy(start[:], bias[col:])
		}
		row := 0
		for ; row+2 <= n; row += 2 {
			above, below := twoRows(in.row(row, by.rows), in.row(row+1, by.rows), panel, start)
			copy(out.Data[row*out.Stride+col:], above[:])
			copy(out.Data[(row+1)*out.Stride+col:], below[:])
		}
		if row < n {
			last, _ := twoRows(in.row(row, by.rows), in.row(row, by.rows), panel, start)
			copy(out.Data[row*out.Stride+col:], last[:])
		}
	}
}

func twoRows(above, below, panel []float32, start [4]float32) (x, y [4]float32) {
	a0, a1, a2, a3 := start[0], start[1], start[2], start[3]
	b0, b1, b2, b3 := a0, a1, a2, a3
	below = below[:len(above)] // lets the compiler drop the bounds checks in the loop
	for k, a := range above {
		four := (*[4]float32)(panel[k*Width:])
		b := below[k]
		a0 += a * four[0]
		b0 += b * four[0]
		a1 += a * four[1]
		b1 += b * four[1]
		a2 += a * four[2]
		b2 += b * four[2]
		a3 += a * four[3]
		b3 += b * four[3]
	}
	return [4]float32{a0, a1, a2, a3}, [4]float32{b0, b1, b2, b3}
}
