package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) mcpConfigCommand() *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print what to paste for Claude, Cursor, VS Code, Codex, Gemini CLI and others",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := p.executable()
			if err != nil {
				return err
			}
			a := assistant{program: self, arguments: []string{"mcp"}, address: url}
			if url != "" {
				a.arguments = append(a.arguments, "--url", url)
			} else {
				c, err := p.config()
				if err != nil {
					return err
				}
				a.address = "http://" + callable(c.Addr)
				if found, _, err := p.serviceAndKey(cmd.Context(), remote{}); err == nil {
					a.address = found
				}
			}
			a.address = strings.TrimRight(a.address, "/") + "/mcp"
			return p.say("%s", a.instructions())
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "address of the service (default: your service on this machine)")
	return cmd
}

// assistant has what the configuration of an assistant needs.
type assistant struct {
	program   string // the path of this program: assistants with a window do not have the shell's PATH
	arguments []string
	address   string
}

// bearer is the header with the key. The user writes the key into it.
const bearer = "Bearer KEY"

// entry is a server in a configuration as JSON. Each assistant has its own words for an address.
type entry struct {
	Type      string            `json:"type,omitempty"`
	Command   string            `json:"command,omitempty"`
	Args      []string          `json:"args,omitempty"`
	URL       string            `json:"url,omitempty"`
	HTTPURL   string            `json:"httpUrl,omitempty"`
	ServerURL string            `json:"serverUrl,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
}

// started returns the entry of a server that the assistant starts itself.
func (a assistant) started() entry { return entry{Command: a.program, Args: a.arguments} }

// byAddress returns an entry with the key, without the address.
func (a assistant) byAddress() entry {
	return entry{Headers: map[string]string{"Authorization": bearer}}
}

// under returns an entry as JSON, under the name that the file of the assistant has for servers.
func under(name string, e entry) string {
	// A structure of strings can always be written as JSON.
	text, _ := json.Marshal(map[string]map[string]entry{name: {"lethe": e}})
	return "  " + string(text) + "\n"
}

// instructions returns what to paste for each assistant.
func (a assistant) instructions() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) } // a strings.Builder returns no error
	say("Your own service on this machine needs no key with \"lethe mcp\". The address %s needs one:\n\n", a.address)
	say("  lethe keys create --workspace default --name assistant --scopes read\n\n")
	say("A key with the scope read cannot delete. Put it where KEY stands. Entries with a \"command\" and entries with an address do\n" +
		"the same; one of them is enough. docs/mcp.md has more.\n")
	for _, c := range a.clients() {
		say("\n%s\n%s", c.name, strings.Join(c.paste, ""))
	}
	return b.String()
}

// pasted is what to paste for one assistant, or several with the same configuration.
type pasted struct {
	name  string
	paste []string // one of them is enough
}

// clients is the only list of the assistants. docs/clients.md says which of them were tried.
func (a assistant) clients() []pasted {
	command := strings.Join(append([]string{shellQuoted(a.program)}, a.arguments...), " ")
	stdio, http := a.started(), a.byAddress()
	stdio.Type, http.Type, http.URL = "stdio", "http", a.address
	cline, cursor, gemini, windsurf := a.byAddress(), a.byAddress(), a.byAddress(), a.byAddress()
	cline.Type, cline.URL, cursor.URL, gemini.HTTPURL, windsurf.ServerURL = "streamableHttp", a.address, a.address, a.address, a.address
	return []pasted{
		{"Claude Code", []string{
			fmt.Sprintf("  claude mcp add --scope user lethe -- %s\n", command),
			fmt.Sprintf("  claude mcp add --scope user --transport http lethe %s --header %q\n", a.address, "Authorization: "+bearer),
		}},
		{"Claude Desktop (claude_desktop_config.json)", []string{under("mcpServers", a.started())}},
		{"Cursor (~/.cursor/mcp.json)", []string{under("mcpServers", a.started()), under("mcpServers", cursor)}},
		{"VS Code (.vscode/mcp.json, or the user's mcp.json)", []string{under("servers", stdio), under("servers", http)}},
		{"Codex (~/.codex/config.toml)", []string{
			fmt.Sprintf("  [mcp_servers.lethe]\n  command = %s\n  args = %s\n\n", tomlText(a.program), tomlList(a.arguments)),
			fmt.Sprintf("  [mcp_servers.lethe]\n  url = %s\n  http_headers = { Authorization = %s }\n", tomlText(a.address), tomlText(bearer)),
		}},
		{"Gemini CLI (~/.gemini/settings.json)", []string{under("mcpServers", a.started()), under("mcpServers", gemini)}},
		{"Antigravity (~/.gemini/config/mcp_config.json)", []string{under("mcpServers", a.started()), under("mcpServers", windsurf)}},
		{"Windsurf (~/.codeium/windsurf/mcp_config.json)", []string{under("mcpServers", a.started()), under("mcpServers", windsurf)}},
		{"Cline (cline_mcp_settings.json)", []string{under("mcpServers", a.started()), under("mcpServers", cline)}},
		{"Zed (settings.json)", []string{under("context_servers", a.started()), under("context_servers", cursor)}},
	}
}

// shellQuoted returns a path as a shell reads it.
func shellQuoted(path string) string {
	if strings.ContainsAny(path, " \t'\"$&;()\\*?`") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// tomlText returns a text as TOML writes it. Go's escapes of printable text are TOML's too.
func tomlText(text string) string { return strconv.Quote(text) }

func tomlList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = tomlText(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
