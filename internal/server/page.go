package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/web"
	"github.com/lethe-chat/lethe/pkg/api"
)

// maxCodeBody is the largest body of POST /api/page/session, in bytes.
const maxCodeBody = 4 << 10

// page serves the page at / and the files that it loads.
type page struct{ files web.Page }

func newPage() page {
	files, err := web.Load()
	if err != nil { // the files are part of the program
		panic(fmt.Sprintf("the page cannot be read: %v", err))
	}
	return page{files}
}

func (p page) start(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderContentSecurityPolicy, web.Policy)
	return p.send(c, "index.html")
}

func (p page) file(c echo.Context) error { return p.send(c, c.Param("*")) }

// send answers with a file, or with nothing new when the browser has it already. The files
// change with the program, so the browser asks each time.
func (p page) send(c echo.Context, name string) error {
	file, ok := p.files[name]
	if !ok {
		return echo.ErrNotFound
	}
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, "no-cache")
	header.Set("ETag", file.ETag)
	header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if strings.Contains(c.Request().Header.Get("If-None-Match"), file.ETag) {
		return c.NoContent(http.StatusNotModified)
	}
	if strings.Contains(c.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip") {
		header.Set(echo.HeaderContentEncoding, "gzip")
		return c.Blob(http.StatusOK, file.Type, file.Gzipped)
	}
	return c.Blob(http.StatusOK, file.Type, file.Content)
}

// exchangeCode answers POST /api/page/session: a browser on this machine exchanges a
// one-time code for a key of its own.
func (s *Server) exchangeCode(c echo.Context) error {
	if !fromThisMachine(c.Request()) {
		return fault.New(fault.Forbidden, "a one-time code is for browsers on the machine of the service; elsewhere, sign in with a key")
	}
	var sent api.PageCode
	if err := c.Bind(&sent); err != nil {
		return err
	}
	token, err := s.history.ExchangePageCode(c.Request().Context(), sent.Code)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, api.PageSession{Key: token})
}
