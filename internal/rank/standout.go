package rank

import "math"

// Conversations stand out from the others of a workspace by their likeness. One that shares no
// word with the query may be what was meant, and then it is much nearer than the rest: in a
// history of chats about one thing each it leads by more than 0.75 for 82 to 83% of the queries
// that mean it, and nothing leads by as much for 74 to 84% of the queries about something else
// (the histories by which the limits were chosen, docs/adr/0026). Only the first few may stand
// out, because a query about something else has gaps as well.
const (
	leastLead     = 0.75
	leastStanding = 2.0
	mostStanding  = 3
)

// StandsOut returns the likeness from which passages stand out: at least leastStanding, and
// leastLead above every conversation that does not stand out. best are the likenesses of the
// conversations, best first. It returns infinity when nothing stands out, and when there is
// nothing to stand out from.
func StandsOut(best []float64) float64 {
	for n := 1; n < len(best) && n <= mostStanding && best[n-1] >= leastStanding; n++ {
		if best[n-1]-best[n] >= leastLead {
			return best[n] + leastLead
		}
	}
	return math.Inf(1)
}
