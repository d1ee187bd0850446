package server

import (
	"regexp"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/chat"
)

// saneRequestID matches the ids that a caller may choose. They cannot forge a line of a log.
var saneRequestID = regexp.MustCompile(`^[a-zA-Z0-9\-_.]{1,128}$`)

// requestID gives the request the caller's id or a new one, and returns it in the answer.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !saneRequestID.MatchString(id) {
			id = chat.NewID()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}
