package storetest

// EverySchedule plays every order in which actors can take turns. run plays one: each
// time it calls choose with the actors that can act, by number, it lets the one act
// that choose returns, and it returns when there is none left. It must begin anew each
// time and depend on nothing but the choices. EverySchedule returns how many orders
// there are.
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
