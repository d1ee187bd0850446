package server

import (
	"embed"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui/v5emb"
)

//go:embed docs/index.html docs/start.js
var docsFiles embed.FS

// docsPolicy allows the page to load only what this service serves. The library writes
// styles into its elements, so styles have an exception.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// libraryFiles are the files of the library that the page loads.
var libraryFiles = map[string]bool{
	"swagger-ui.css": true, "swagger-ui-bundle.js": true, "favicon-32x32.png": true,
}

// docs is the page that shows /openapi.yaml. Its library is embedded, so the page works
// without the internet.
type docs struct{ library http.Handler }

func newDocs() docs { return docs{v5emb.New("Lethe", "/openapi.yaml", "/docs/")} }

func (d docs) page(c echo.Context) error {
	html, err := docsFiles.ReadFile("docs/index.html")
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentSecurityPolicy, docsPolicy)
	return c.Blob(http.StatusOK, echo.MIMETextHTMLCharsetUTF8, html)
}

// file serves the files of the page. The page's own URL has no trailing slash.
func (d docs) file(c echo.Context) error {
	switch c.Param("*") {
	case "":
		return c.Redirect(http.StatusMovedPermanently, "../docs")
	case "start.js":
		script, err := docsFiles.ReadFile("docs/start.js")
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "text/javascript; charset=utf-8", script)
	}
	if !libraryFiles[c.Param("*")] {
		return echo.ErrNotFound
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "public, max-age=3600")
	d.library.ServeHTTP(c.Response(), c.Request())
	return nil
}
