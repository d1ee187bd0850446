package storetest

// EverySchedule runs every order in which actors can take turns. run plays one order: it calls choose with the
// numbers of the actors that can act, lets the returned actor act, and returns when no actor is left. Each run must
// start from the same state and depend only on the choices. EverySchedule returns the number of orders.
func EverySchedule(run func(choose func(ready []int) int)) (schedules int) {
	type turn struct {
		ready []int
		taken int // an index of ready
	}
	var turns []turn
	for {
		at := 0
		run(func(ready []int) int {
			if at == len(turns) {
				turns = append(turns, turn{ready: ready})
			}
			at++
			return turns[at-1].ready[turns[at-1].taken]
		})
		schedules++
		for len(turns) > 0 && turns[len(turns)-1].taken == len(turns[len(turns)-1].ready)-1 {
			turns = turns[:len(turns)-1]
		}
		if len(turns) == 0 {
			return schedules
		}
		turns[len(turns)-1].taken++
	}
}
