// Package localservice lets the command line of one user find the services that
// the same user runs on this machine, without a key. A running service writes a file
// that only its user can read, with its address, its process id and a token that is
// valid from this machine while the process lives. The package owns the file, its
// folder, and the rules for trusting a file. It opens no connection and does not decide
// what a token allows.
package localservice

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
)

// version is the version of the file's format. Files of other versions are ignored.
const version = 1

// maxFile is the size limit of a file, in bytes.
const maxFile = 4 << 10

const extension = ".json"

// Service is a running service, as its file describes it.
type Service struct {
	URL   string // such as http://127.0.0.1:8787, without a slash at the end
	PID   int
	Token string // a secret
	File  string // the path of the file
}

// record is the content of the file.
type record struct {
	Version int    `json:"version"`
	URL     string `json:"url"`
	PID     int    `json:"pid"`
	Start   string `json:"start"` // distinguishes the process from a later one with the same id
	Token   string `json:"token"`
}

// NewToken returns a random token of 256 bits that an Authorization header can
// carry.
func NewToken() string {
	return "local-" + rand.Text() + rand.Text()
}

// Prove returns the answer of a holder of the token to a challenge. It does not reveal
// the token, so the command line can ask a service for it before sending anything
// secret.
func Prove(token, challenge string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(challenge))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// IsProof reports whether a text is what Prove returns, in constant time.
func IsProof(token, challenge, proof string) bool {
	return hmac.Equal([]byte(Prove(token, challenge)), []byte(proof))
}

// Announce writes the file of this process's service into the folder, which it creates if needed, and deletes the
// files of processes that have ended. Remove deletes the file. Forbidden when another user owns or could write the
// folder. Unavailable when it cannot be written, or when this system does not say when a process was started.
func Announce(folder, url, token string) (Service, error) {
	s := Service{URL: url, PID: os.Getpid(), Token: token}
	start, err := startOf(s.PID)
	if err != nil {
		return Service{}, fault.Wrap(fault.Unavailable, err, "this system does not tell when a process was started")
	}
	if err := ownFolder(folder); err != nil {
		return Service{}, err
	}
	sweep(folder)
	data, err := json.Marshal(record{Version: version, URL: url, PID: s.PID, Start: start, Token: token})
	if err != nil {
		return Service{}, err
	}
	// A file of CreateTemp has the mode 0600. It is seen whole or not at all.
	part, err := os.CreateTemp(folder, strconv.Itoa(s.PID)+"-*.part")
	if err != nil {
		return Service{}, unwritable(err, folder)
	}
	_, err = part.Write(data)
	if err := errors.Join(err, part.Close()); err != nil {
		return Service{}, errors.Join(unwritable(err, folder), os.Remove(part.Name()))
	}
	s.File = strings.TrimSuffix(part.Name(), ".part") + extension
	if err := os.Rename(part.Name(), s.File); err != nil {
		return Service{}, errors.Join(unwritable(err, folder), os.Remove(part.Name()))
	}
	return s, nil
}

// Remove deletes the service's file. It may be called again.
func (s Service) Remove() error {
	if s.File == "" {
		return nil
	}
	if err := os.Remove(s.File); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Find returns the services whose files are in the folder and whose processes
// live, ordered by address. Folders and files that another user owns or could have
// written are ignored.
func Find(folder string) ([]Service, error) {
	if folder == "" || !isPrivate(folder, true) {
		return nil, nil
	}
	names, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*"+extension))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be read", folder)
	}
	var all []Service
	for _, name := range names {
		if r, ok := read(name); ok && alive(r) {
			all = append(all, Service{URL: r.URL, PID: r.PID, Token: r.Token, File: name})
		}
	}
	slices.SortFunc(all, func(a, b Service) int { return strings.Compare(a.URL, b.URL) })
	return all, nil
}

// read returns the content of a file; false when it cannot be trusted, has another
// format, or was just deleted.
func read(name string) (record, bool) {
	if !isPrivate(name, false) {
		return record{}, false
	}
	data, err := os.ReadFile(name)
	if err != nil || len(data) > maxFile {
		return record{}, false
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil || r.Version != version || r.URL == "" || r.Token == "" || r.PID <= 0 {
		return record{}, false
	}
	return r, true
}

// alive reports whether the process that wrote the file still runs.
func alive(r record) bool {
	start, err := startOf(r.PID)
	return err == nil && start == r.Start
}

// sweep deletes the files of processes that ended without deleting them.
func sweep(folder string) {
	names, _ := filepath.Glob(filepath.Join(escapeGlob(folder), "*"+extension)) // a pattern that is escaped is well formed
	for _, name := range names {
		if r, ok := read(name); ok && !alive(r) {
			_ = os.Remove(name) // another service may have been faster
		}
	}
}

// ownFolder creates the folder for this user only.
func ownFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return unwritable(err, folder)
	}
	if isPrivate(folder, true) {
		return nil
	}
	if err := os.Chmod(folder, 0o700); err != nil || !isPrivate(folder, true) { //nolint:gosec // a folder has to be searched
		return fault.New(fault.Forbidden, "%s belongs to somebody else; set LETHE_RUNTIME_DIR to a folder of your own", folder)
	}
	return nil
}

func unwritable(err error, folder string) error {
	return fault.Wrap(fault.Unavailable, err, "%s cannot be written; LETHE_RUNTIME_DIR names another folder", folder)
}

// isPrivate reports whether a folder or a regular file (not a link) belongs to this user
// and no other user can read or write it.
func isPrivate(name string, folder bool) bool {
	info, err := os.Lstat(name)
	if err != nil || info.IsDir() != folder || !folder && !info.Mode().IsRegular() {
		return false
	}
	return isOurs(info)
}

var globEscapes = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`)

// escapeGlob makes the name of a folder match itself. On Windows a pattern has no escapes, and a name can have only
// the special character [.
func escapeGlob(folder string) string {
	if filepath.Separator == '\\' {
		return folder
	}
	return globEscapes.Replace(folder)
}
