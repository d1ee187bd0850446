package history_test

import (
	"testing"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
