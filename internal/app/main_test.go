package app_test

import (
	"testing"

	"github.com/lethe-chat/lethe/internal/app/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }
