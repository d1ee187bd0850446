package server

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"

	"github.com/lethe-chat/lethe"
)

// thisServer is how openapi.yaml names the server: relatively, which some generators do not
// read. What is served names the address of the request instead.
const thisServer = "servers:\n  - url: /\n"

// openAPI serves the contract.
func openAPI(c echo.Context) error {
	server, err := json.Marshal(addressOf(c)) // a string in JSON is one in YAML
	if err != nil {
		return err
	}
	document := bytes.Replace(lethe.OpenAPI, []byte(thisServer), []byte("servers:\n  - url: "+string(server)+"\n"), 1)
	return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", document)
}

// openAPIAsJSON serves the contract as JSON.
func openAPIAsJSON() echo.HandlerFunc {
	parsed := sync.OnceValues(func() (document map[string]any, err error) {
		err = yaml.Unmarshal(lethe.OpenAPI, &document)
		return document, err
	})
	return func(c echo.Context) error {
		document, err := parsed()
		if err != nil {
			return err
		}
		answer := maps.Clone(document)
		answer["servers"] = []map[string]any{{"url": addressOf(c), "description": "The service that served this document."}}
		return c.JSON(http.StatusOK, answer)
	}
}

// addressOf returns the address that a request was sent to: its host, and the scheme that a
// proxy says it was sent with.
func addressOf(c echo.Context) string {
	scheme := "http"
	if c.Scheme() == "https" {
		scheme = "https"
	}
	return scheme + "://" + c.Request().Host
}
