package agentsync

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
)

// stateVersion is the version of the state file. A file of another version is ignored, so everything is read again.
const stateVersion = 1

// State is what is remembered between two runs: which agents the user agreed to, and how far each file was read. It
// has names of files, ids and hashes, and no text of a chat.
type State struct {
	file    string
	content stateFile
}

type stateFile struct {
	Version int              `json:"version"`
	Service string           `json:"service,omitempty"` // the address that the files were sent to
	Agents  map[string]bool  `json:"agents,omitempty"`  // by name: whether the user agreed
	Files   map[string]entry `json:"files,omitempty"`   // by path
}

// entry is how far a file was read.
type entry struct {
	Size   int64       `json:"size"`
	Time   int64       `json:"time"` // time of its last change, in nanoseconds since 1970
	Mark   format.Mark `json:"mark,omitzero"`
	Before string      `json:"before,omitempty"` // a hash of the part before the mark
}

// OpenState reads a state file. A missing or invalid one counts as empty. It returns Unavailable when the file cannot
// be read.
func OpenState(file string) (*State, error) {
	s := &State{file: file}
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be read", file)
	case json.Unmarshal(data, &s.content) != nil || s.content.Version != stateVersion:
		s.content = stateFile{}
	}
	s.content.Version = stateVersion
	if s.content.Agents == nil {
		s.content.Agents = map[string]bool{}
	}
	if s.content.Files == nil {
		s.content.Files = map[string]entry{}
	}
	return s, nil
}

// Agreed reports whether the user agreed to an agent, and whether the user was asked.
func (s *State) Agreed(agent string) (agreed, asked bool) {
	agreed, asked = s.content.Agents[agent]
	return agreed, asked
}

// Agree remembers the user's answer.
func (s *State) Agree(agent string, agreed bool) { s.content.Agents[agent] = agreed }

// Forget forgets how far the files were read, so that all of them are read again.
func (s *State) Forget() { s.content.Files = map[string]entry{} }

// Files returns how many files were read.
func (s *State) Files() int { return len(s.content.Files) }

// For sets the service that the files are sent to. If it differs from the one before, all files are read again.
func (s *State) For(service string) {
	if s.content.Service != service {
		s.Forget()
	}
	s.content.Service = service
}

// Save writes the file, readable only for this user. It replaces the whole file. It returns Unavailable when the file
// cannot be written.
func (s *State) Save() error {
	data, err := json.Marshal(s.content)
	if err != nil {
		return err
	}
	if err := s.write(data); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s cannot be written", s.file)
	}
	return nil
}

func (s *State) write(data []byte) error {
	dir := filepath.Dir(s.file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(dir, filepath.Base(s.file)+"-*.part") // its mode is 0600
	if err != nil {
		return err
	}
	_, err = part.Write(data)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), s.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}
