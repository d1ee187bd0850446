package vscode

import (
	"cmp"
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/loose"
)

// part is a piece of an answer.
type part struct {
	Kind      loose.Text             `json:"kind"`
	Value     markdown               `json:"value"`
	Content   markdown               `json:"content"`
	Tool      loose.Text             `json:"toolId"`
	Doing     markdown               `json:"invocationMessage"`
	Done      markdown               `json:"pastTenseMessage"`
	Reference loose.Maybe[reference] `json:"inlineReference"`
}

// prompt is the text of a question, which old files have as a string.
type prompt string

// UnmarshalJSONFrom decodes any value.
func (p *prompt) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var o loose.Maybe[struct {
		Text  loose.Text `json:"text"`
		Parts loose.List[struct {
			Text loose.Text `json:"text"`
		}] `json:"parts"`
	}]
	if err := o.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	*p = prompt(loose.String(o.Other))
	if o.Other == nil {
		*p = prompt(o.Value.Text)
	}
	if *p == "" {
		for _, part := range o.Value.Parts {
			*p += prompt(part.Text)
		}
	}
	return nil
}

// markdown is a text, or an object or list with texts.
type markdown string

// UnmarshalJSONFrom decodes any value.
func (m *markdown) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = ""
	if d.PeekKind() == '[' {
		var texts loose.List[loose.Text]
		err := json.UnmarshalDecode(d, &texts)
		for _, text := range texts {
			*m += markdown(text)
		}
		return err
	}
	var o loose.Maybe[struct {
		Value loose.Text `json:"value"`
	}]
	err := o.UnmarshalJSONFrom(d)
	*m = markdown(o.Value.Value)
	if o.Other != nil {
		*m = markdown(loose.String(o.Other))
	}
	return err
}

// reference is a file or symbol that an answer mentions.
type reference struct {
	Name     loose.Text           `json:"name"`
	Path     loose.Text           `json:"path"`
	FsPath   loose.Text           `json:"fsPath"`
	URI      loose.Maybe[address] `json:"uri"`
	Location loose.Maybe[struct {
		URI loose.Maybe[address] `json:"uri"`
	}] `json:"location"`
}

type address struct {
	Path   loose.Text `json:"path"`
	FsPath loose.Text `json:"fsPath"`
}

// name returns what the editor shows: the name of the symbol or file.
func (v reference) name() string {
	file := cmp.Or(v.Path, v.FsPath, v.URI.Value.Path, v.URI.Value.FsPath, v.Location.Value.URI.Value.Path, v.Location.Value.URI.Value.FsPath)
	if v.Name != "" || file == "" {
		return string(v.Name)
	}
	return path.Base(strings.ReplaceAll(string(file), `\`, "/"))
}
