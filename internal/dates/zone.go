package dates

import (
	"time"
	_ "time/tzdata" // some systems and images have no names of zones
)

// Zone returns the time zone with this name of the IANA database, such as Europe/Berlin. It returns false for other
// names, and for Local, which is the zone of the machine and not of a person.
func Zone(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}
