package config

import (
	"path"
	"strings"
)

// defaultDataDir returns "lethe" in the user's data directory, or "" when the
// environment does not say where that is.
func (l *loader) defaultDataDir() string {
	const name = "lethe"
	switch l.machine.os {
	case "windows":
		if local := l.windowsVariable("LocalAppData"); local != "" {
			return strings.TrimRight(local, `\/`) + `\` + name
		}
	case "darwin":
		if home := l.values["HOME"]; home != "" {
			return path.Join(home, "Library", "Application Support", name)
		}
	default:
		// The XDG rules: a relative path is to be ignored.
		if data := l.values["XDG_DATA_HOME"]; path.IsAbs(data) {
			return path.Join(data, name)
		}
		if home := l.values["HOME"]; home != "" {
			return path.Join(home, ".local", "share", name)
		}
	}
	return ""
}

// defaultRuntimeDir returns the folder in which a running service announces itself to
// the user's other programs, or "" when the environment does not name one. It is never
// in the data directory, because backups would contain the token.
func (l *loader) defaultRuntimeDir() string {
	switch l.machine.os {
	case "windows":
		if local := l.windowsVariable("LocalAppData"); local != "" {
			return strings.TrimRight(local, `\/`) + `\Temp\lethe`
		}
	case "darwin":
		if home := l.values["HOME"]; home != "" {
			return path.Join(home, "Library", "Caches", "lethe", "run")
		}
	default:
		if runtime := l.values["XDG_RUNTIME_DIR"]; path.IsAbs(runtime) {
			return path.Join(runtime, "lethe")
		}
		if state := l.values["XDG_STATE_HOME"]; path.IsAbs(state) {
			return path.Join(state, "lethe", "run")
		}
		if home := l.values["HOME"]; home != "" {
			return path.Join(home, ".local", "state", "lethe", "run")
		}
	}
	return ""
}

// dataHome is the variable that would have set the data directory.
func (l *loader) dataHome() string {
	if l.machine.os == "windows" {
		return "LocalAppData"
	}
	return "HOME"
}

// windowsVariable looks up a name ignoring case, as Windows does.
func (l *loader) windowsVariable(name string) string {
	for key, value := range l.values {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}
