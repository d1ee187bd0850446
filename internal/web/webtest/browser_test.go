package webtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// browser is one running Chromium. Each page has a browser context of its own, so tests
// share no storage.
type browser struct {
	ctx context.Context //nolint:containedctx // chromedp finds its browser in the context
	axe string          // the source of axe-core
}

func start(t testing.TB, program string) *browser {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join(filepath.Dir(program), "axe.min.js"))
	require.NoError(t, err, "ensure-chromium.sh puts axe-core beside the browser")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
		chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {})) // unknown events of newer browsers
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx), "the browser does not start")
	return &browser{ctx: ctx, axe: string(axe)}
}

// service starts the program on a fresh SQLite database.
func service(t testing.TB, opts ...apptest.Option) *apptest.Service {
	t.Helper()
	return apptest.Start(t, storetest.New(t, storetest.SQLite), opts...)
}
