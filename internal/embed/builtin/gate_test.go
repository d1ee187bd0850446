package builtin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// english has texts as people write them in chats.
var english = []string{
	"Can you help me plan a trip to the islands? We have four days and want to see the old lighthouse.",
	"I went to the doctor on Tuesday because my knee still hurts when I climb the stairs.",
	"Sounds great! See you there :)",
	"My sister is moving to Portland next month, so we are giving her the blue sofa.",
	"What was the name of that restaurant where we celebrated your birthday?",
	"Sure, here are three ideas for a birthday present that costs less than fifty dollars: 1. a cookbook, 2. a plant, 3. tickets for a concert.",
	"ok",
	"The ferry to Tunø leaves at nine.",
}

func TestGate(t *testing.T) {
	german := "Kannst du mir helfen, eine Reise auf die Inseln zu planen? Wir haben vier Tage und wollen den alten Leuchtturm sehen."
	for name, c := range map[string]struct {
		text string
		read bool
	}{
		"nothing":                      {"", false},
		"white space":                  {" \t\n\u00a0\u2003", false},
		"a word":                       {"harbor", true},
		"a name in a short text":       {"Fährhafen", true},
		"many words, all known":        {strings.Repeat("the old harbor ", 400), true},
		"accents of English":           {"We met at the café and talked about her résumé, which she wrote last night.", true},
		"German":                       {german, false},
		"German, seven words":          {"Kannst du mir bitte diese Reise planen?", true},
		"French":                       {"Peux-tu m'aider à préparer un voyage aux îles ? Nous avons quatre jours et nous voulons voir l'ancien phare.", false},
		"Spanish":                      {"¿Puedes ayudarme a planificar un viaje a las islas? Tenemos cuatro días y queremos ver el viejo faro.", false},
		"Russian":                      {"Поможешь мне спланировать поездку на острова?", false},
		"Russian, a word":              {"острова", false},
		"Greek":                        {"Μπορείς να με βοηθήσεις με το ταξίδι;", false},
		"Arabic":                       {"هل يمكنك مساعدتي في التخطيط لرحلة إلى الجزر؟", false},
		"Hebrew":                       {"אתה יכול לעזור לי לתכנן טיול לאיים?", false},
		"Hindi":                        {"क्या आप द्वीपों की यात्रा की योजना बनाने में मेरी मदद कर सकते हैं?", false},
		"Thai":                         {"ช่วยวางแผนเที่ยวเกาะหน่อยได้ไหม", false},
		"Chinese":                      {"你能帮我计划一次去岛上的旅行吗？", false},
		"Japanese":                     {"島への旅行の計画を手伝ってくれますか。", false},
		"Korean":                       {"섬으로 가는 여행 계획을 도와줄 수 있나요?", false},
		"pictures":                     {"👍👍🎉", false},
		"English with a picture":       {"See you at the harbor at nine tomorrow, I am looking forward to it 👍", true},
		"Japanese inside English":      {"How do you say 船 in English, and is it the same word as in the song that we heard?", true},
		"English inside Japanese":      {"明日の meeting は何時に始まりますか", false},
		"code":                         {"func (q *Queue) Claim(ctx context.Context, n int) ([]Job, error) { return q.db.Query(ctx, claimSQL, n) }", true},
		"a question about code":        {"Why does my Go program say that all goroutines are asleep when I read from the channel?", true},
		"a line of a log":              {"2026-05-04T10:11:12Z WARN pool: conn=0x7f3a21 state=TIME_WAIT retries=3 peer=10.1.2.3:5432 err=ECONNRESET", false},
		"broken bytes":                 {"\xff\xfe\xfd", false},
		"a NUL":                        {"\x00", false},
		"compatibility forms":          {"ｔｈｅ ｏｌｄ ｈａｒｂｏｒ", true},
		"letters with marks, composed": {"We met at the cafe\u0301 near the harbor.", true},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.read, embedAll(t, New(), []string{c.text})[0] != nil)
		})
	}
	for _, text := range english {
		require.NotNil(t, embedAll(t, New(), []string{text})[0], text)
	}
}

// texts returns the passages of a file in testdata.
func texts(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(data)), "\n=====\n")
}

// Passages of English chats have Markdown, numbers, tables and code. Nearly all of them get a vector, and no passage of
// eight other languages does, with Markdown or without.
func TestMarkdownAndCodeAreNoLanguage(t *testing.T) {
	passages := texts(t, "english.txt")
	require.Len(t, passages, 200)
	var refused []string
	for i, vector := range embedAll(t, New(), passages) {
		if vector == nil {
			refused = append(refused, passages[i])
		}
	}
	require.LessOrEqual(t, len(refused), len(passages)/50, "%q", refused)

	foreign := texts(t, "other_languages.txt")
	require.Len(t, foreign, 8*5)
	for i, vector := range embedAll(t, New(), foreign) {
		require.Nil(t, vector, foreign[i])
	}
}
