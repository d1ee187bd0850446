package deploytest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/lethe-chat/lethe/internal/config"
)

// The services that the rules check by name.
const (
	service  = "lethe"
	database = "db"
)

// oneShots are services that end after their work; they need no health check and no
// restart.
var oneShots = []string{"ollama-model"}

// kept is the folder of each image whose content must outlive the container.
var kept = map[string]string{
	service:        "/data",
	database:       "/var/lib/postgresql/data",
	"ollama":       "/root/.ollama",
	"ollama-model": "/root/.ollama",
}

// fixedByImage are settings that the image sets: a port or a folder in the container,
// which the file publishes or mounts.
var fixedByImage = []string{"LETHE_ADDR", "LETHE_DATA_DIR", "LETHE_RUNTIME_DIR"}

// rules return what is wrong with a project that has all its profiles.
var rules = []func(*types.Project) []string{
	checkImages, checkHealth, checkPorts, checkDatabaseIsAlone, checkPrivileges,
	checkVolumes, checkOrder, checkSettings,
}

func broken(p *types.Project) (problems []string) {
	for _, rule := range rules {
		problems = append(problems, rule(p)...)
	}
	return problems
}

var pgvectorTag = regexp.MustCompile(`^pgvector/pgvector:(\d+)\.(\d+)\.(\d+)-pg(\d+)\b`)

// leastPgvector is the first version without a known bug that damages indexes.
var leastPgvector = []int{0, 8, 4}

func checkImages(p *types.Project) (problems []string) {
	for name, s := range p.Services {
		if _, tag, _ := strings.Cut(s.Image, ":"); s.Build == nil && !strings.ContainsAny(tag, "0123456789") {
			problems = append(problems, fmt.Sprintf("%s: the image %q has no version", name, s.Image))
		}
	}
	image := p.Services[database].Image
	match := pgvectorTag.FindStringSubmatch(image)
	if match == nil {
		return append(problems, fmt.Sprintf("%s: the image %q is not pgvector/pgvector:X.Y.Z-pgN", database, image))
	}
	var version []int
	for _, part := range match[1:4] {
		n, _ := strconv.Atoi(part)
		version = append(version, n)
	}
	if slices.Compare(version, leastPgvector) < 0 {
		problems = append(problems, fmt.Sprintf("%s: pgvector of %q is older than 0.8.4", database, image))
	}
	return problems
}

func checkHealth(p *types.Project) (problems []string) {
	for name, s := range p.Services {
		if slices.Contains(oneShots, name) {
			continue
		}
		if s.HealthCheck == nil || s.HealthCheck.Disable || len(s.HealthCheck.Test) == 0 {
			problems = append(problems, name+": it has no health check")
		}
		if s.Restart != types.RestartPolicyUnlessStopped {
			problems = append(problems, name+": it does not restart by itself")
		}
	}
	return problems
}

func checkPorts(p *types.Project) (problems []string) {
	for name, s := range p.Services {
		for _, port := range s.Ports {
			if name != service || port.HostIP != "127.0.0.1" {
				problems = append(problems, fmt.Sprintf("%s: port %d is published on %q; only Lethe's port may be, on 127.0.0.1", name, port.Target, port.HostIP))
			}
		}
		if s.NetworkMode != "" {
			problems = append(problems, name+": network_mode bypasses the file's networks")
		}
	}
	if len(p.Services[service].Ports) != 1 {
		problems = append(problems, service+": it must publish exactly one port")
	}
	return problems
}

// checkDatabaseIsAlone requires that the database is on internal networks only. This is
// why its default password is sufficient.
func checkDatabaseIsAlone(p *types.Project) (problems []string) {
	for network := range p.Services[database].Networks {
		if !p.Networks[network].Internal {
			problems = append(problems, fmt.Sprintf("%s: the network %q is not internal", database, network))
		}
		for name, s := range p.Services {
			if _, on := s.Networks[network]; on && name != service && name != database {
				problems = append(problems, fmt.Sprintf("%s: it can reach the database by the network %q", name, network))
			}
		}
	}
	return problems
}

func checkPrivileges(p *types.Project) (problems []string) {
	for name, s := range p.Services {
		if s.Privileged || len(s.CapAdd) > 0 {
			problems = append(problems, name+": it has privileges that it does not need")
		}
		if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			problems = append(problems, name+": it may gain privileges (security_opt no-new-privileges)")
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				problems = append(problems, fmt.Sprintf("%s: it can access %s of the machine", name, v.Source))
			}
		}
	}
	s := p.Services[service]
	if !numericUser.MatchString(s.User) {
		problems = append(problems, service+": it runs as root, or as a user without a number")
	}
	if !s.ReadOnly {
		problems = append(problems, service+": its root is writable (read_only)")
	}
	if !slices.Equal(s.CapDrop, []string{"ALL"}) {
		problems = append(problems, service+": it keeps capabilities (cap_drop ALL)")
	}
	return problems
}

// numericUser is a user and group other than root, as numbers.
var numericUser = regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`)

func checkVolumes(p *types.Project) (problems []string) {
	for name, folder := range kept {
		named := slices.ContainsFunc(p.Services[name].Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Type == types.VolumeTypeVolume && v.Source != "" && v.Target == folder
		})
		if !named {
			problems = append(problems, fmt.Sprintf("%s: %s is not in a named volume, and is lost with the container", name, folder))
		}
	}
	return problems
}

func checkOrder(p *types.Project) (problems []string) {
	if p.Services[service].DependsOn[database].Condition != types.ServiceConditionHealthy {
		problems = append(problems, service+": it starts before the database is healthy")
	}
	if p.Services["ollama"].DependsOn["ollama-model"].Condition != types.ServiceConditionCompletedSuccessfully {
		problems = append(problems, "ollama: it answers before its model is downloaded, so that uploads are not embedded")
	}
	return problems
}

// checkSettings compares the file's variables with the program's settings. A setting that
// the file does not pass on would have no effect when a user sets it.
func checkSettings(p *types.Project) (problems []string) {
	known := map[string]bool{}
	for _, v := range config.Variables() {
		known[v.Name] = true
		_, set := p.Services[service].Environment[v.Name]
		if fixed := slices.Contains(fixedByImage, v.Name); fixed && set {
			problems = append(problems, fmt.Sprintf("%s: %s is set by the image", service, v.Name))
		} else if !fixed && !set {
			problems = append(problems, fmt.Sprintf("%s: %s is not passed on; add %s: ${%s:-}", service, v.Name, v.Name, v.Name))
		}
	}
	for name, s := range p.Services {
		for variable := range s.Environment {
			if strings.HasPrefix(variable, "LETHE_") && !known[variable] {
				problems = append(problems, fmt.Sprintf("%s: there is no setting %s", name, variable))
			}
		}
	}
	return problems
}
