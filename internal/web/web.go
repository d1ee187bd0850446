// Package web contains the page at / as embedded files. The page is a client of the JSON API that runs in a browser.
// The package serves nothing and knows no route; the server does.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"path"
)

//go:embed page
var files embed.FS

// Policy is the Content-Security-Policy of the page. The browser loads only files of this service, ignores style
// attributes and inline scripts, and turns HTML into elements only through the one Trusted Types policy of
// trusted.js.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lethe"

// File is one file of the page.
type File struct {
	Type    string // its media type
	Content []byte
	Gzipped []byte // the data compressed with gzip
	ETag    string // changes with the content
}

// Page has all files by name. The page itself is "index.html".
type Page map[string]File

var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// Load reads and compresses the files. An error means that the program was built wrongly.
func Load() (Page, error) {
	page := Page{}
	err := fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		zipped, err := compress(content)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		page[name[len("page/"):]] = File{
			Type: types[path.Ext(name)], Content: content, Gzipped: zipped,
			ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
		return nil
	})
	return page, err
}

func compress(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}
