package text

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files with what the code says now")

func TestAnalyze(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"only punctuation", " ... !? -- // ", ""},
		{"only function words", "to be or not to be", ""},
		{"English", "She was running happily with her adopted children.", "run happili adopt child"},
		{"irregular forms", "She went home and bought mice", "go home buy mous"},
		{"possessives and contractions", "They're Caroline's kids, don't you know?", "carolin kid know"},
		{"accents", "Café résumé", "cafe resum"},
		{"ligatures and full width", "ﬁne Ｇｏ", "fine go"},
		{"decomposed accents", "e\u0301te\u0301", "ete"},
		{"dotted capital I", "İstanbul", "istanbul"},
		{"soft hyphen", "data\u00ADbase", "databas"},
		{"numbers", "42 3.14 ٣٤٥ ２", "42 3.14 3 14 345 2"},
		{"camel case", "getUserName", "getusernam get user name"},
		{"capitals in a name", "HTTPServer", "httpserver http server"},
		{"snake case", "USER_ID", "user_id user id"},
		{"dots and hyphens", "foo.bar-baz", "foo.bar-baz foo bar baz"},
		{"version", "v1.2.3", "v1.2.3 v1 2 3"},
		{"path", "(/api/chat-history)", "api/chat-history api chat histori"},
		{"address", "https://example.com/a1?q=x", "https://example.com/a1 https exampl com a1 q x"},
		{"languages", "C++, C# and F#.", "c++ c c# c f# f"},
		{"letters and digits", "gpt4 1st 10pm", "gpt4 gpt 4 1st 1 10pm 10 pm"},
		{"end of a sentence", "It broke.Then it-- well...it worked: yes", "broke.then break well work yes"},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, strings.Join(Terms(tc.text), " ")) })
	}
}

// Each text in testdata is in one script; its golden file has the expected terms.
func TestAnalyzeGolden(t *testing.T) {
	texts, err := filepath.Glob("testdata/analyze/*.txt")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(texts), 10)
	for _, path := range texts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var got strings.Builder
			for line := range strings.Lines(string(text)) {
				got.WriteString(strings.Join(Terms(line), " ") + "\n")
			}
			golden := strings.TrimSuffix(path, ".txt") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got.String())
		})
	}
}

// A query must share a term with the document that it should find, whatever language
// each of them is recognized as.
func TestQueryMeetsDocument(t *testing.T) {
	german := "Die alten Häuser der Stadt sind sehr schön, und wir haben viele davon gesehen."
	french := "Nous avons visité les châteaux de la Loire et mangé des crêpes avec les enfants."
	for _, tc := range []struct{ name, query, doc string }{
		{"English stem", "runs", "he was running"},
		{"irregular verb", "When did she go there and what did she buy?", "we went home"},
		{"irregular noun", "child", "The children were asleep"},
		{"short query, German text", "Häuser", german},
		{"short query without its umlauts", "Hauser", german},
		{"German query of several words", "Wo ist das Haus mit den Bäumen?", german},
		{"English query, German text", "where is the Stadt with the old houses", german},
		{"German query, English text", "Was ist ein database index und wie geht das?", "How does a database index work?"},
		{"short query, French text", "châteaux", french},
		{"French query", "où est le château de la Loire", french},
		{"accents left out", "chateaux", french},
		{"Spanish", "¿Dónde está la ciudad que me gusta?", "Las ciudades de España son muy bonitas"},
		{"Russian case", "кошка", "Я вчера видел большую кошку"},
		{"Russian ё", "еще ежик", "Ещё там был ёжик"},
		{"Arabic article and plural", "مكتبة", "أحب القراءة في المكتبات"},
		{"Arabic vowel signs", "كِتَاب", "هذا كتاب جديد"},
		{"Hebrew points", "שָׁלוֹם", "אמרתי שלום לכולם"},
		{"Greek accents", "ελλαδα", "Πήγαμε στην Ελλάδα"},
		{"Chinese word", "喝茶", "我每天早上喝茶"},
		{"one Chinese character", "猫", "我家有一只猫"},
		{"Japanese", "コーヒー", "毎朝コーヒーを飲みます"},
		{"half width kana", "ｺｰﾋｰ", "毎朝コーヒーを飲みます"},
		{"Korean particle", "고양이", "고양이를 좋아해요"},
		{"one Korean syllable", "책", "어제 책을 읽었어요"},
		{"decomposed Korean", "\u1100\u1169\u110b\u1163\u11bc\u110b\u1175", "고양이를 좋아해요"},
		{"Thai", "แมว", "ฉันมีแมวสองตัว"},
		{"Hindi", "दुनिया", "नमस्ते दुनिया"},
		{"Persian non-joiner", "می‌خواهم", "من آب می‌خواهم"},
		{"Latin in Chinese", "getUserName", "可以用getUserName函数吗"},
		{"small letters", "getusername", "call getUserName() first"},
		{"part of a name", "user", "call getUserName() first"},
		{"tail of a path", "chat-history", "DELETE /api/chat-history/chats"},
		{"part of a version", "1.2.3", "upgrade to v1.2.3"},
		{"curly apostrophe", "Caroline’s", "Caroline said so"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.NotEmpty(t, Spans(tc.doc, Terms(tc.query)), "query %q\ndocument %q", Terms(tc.query), Terms(tc.doc))
		})
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]language{
		"":                               english,
		"Häuser":                         english,
		"What is the best way to do it?": english,
		"Ich weiß nicht, ob das so geht": german,
		"Je ne sais pas où est la gare":  french,
		"No sé dónde está la estación de tren":                    spanish,
		"Non so dove sia la stazione del treno":                   italian,
		"Não sei onde fica a estação do trem, mas você sabe":      portuguese,
		"Ik weet niet waar het station is":                        dutch,
		"Jag vet inte var stationen är":                           swedish,
		"We read 'Der Zauberberg' and it was one of the best":     english,
		"The word \"und\" and the word \"nicht\" are in the text": english,
	} {
		require.Equal(t, want, detect(text), text)
	}
}

func TestLongWordsAreCut(t *testing.T) {
	hash := strings.Repeat("0123456789abcdef", 8)
	require.Equal(t, []string{hash[:MaxTermRunes]}, Terms(hash))
	token := strings.Repeat("aB3cD4eF", 15)
	require.Len(t, Terms(token), 1, "encoded data has no humps")
	marks := "a" + strings.Repeat("\u0301", 1000)
	requireTerms(t, Terms(marks))
}

// requireTerms checks the properties of terms that both databases rely on.
func requireTerms(t *testing.T, terms []string) {
	t.Helper()
	for _, term := range terms {
		n := utf8.RuneCountInString(term)
		if n < 1 || n > MaxTermRunes || !utf8.ValidString(term) {
			t.Fatalf("term %q has %d runes", term, n)
		}
		for _, r := range term {
			switch {
			case r < utf8.RuneSelf:
				if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-/:@#+", r)) {
					t.Fatalf("term %q holds %q", term, r)
				}
			case !unicode.In(r, unicode.L, unicode.M, unicode.N):
				t.Fatalf("term %q holds %U", term, r)
			}
		}
	}
}

// requireLinear runs work on many bytes of one repeated unit, which takes a fraction of
// a second. A quadratic algorithm would take more than ten minutes.
func requireLinear(t *testing.T, size int, unit string, work func(text string)) {
	t.Helper()
	const patience = time.Minute
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(strings.Repeat(unit, size/len(unit)))
	}()
	select {
	case <-done:
	case <-time.After(patience):
		require.Fail(t, "more than a linear effort")
	}
}

func TestAnalyzeIsLinear(t *testing.T) {
	for name, unit := range map[string]string{
		"letters": "a", "accents": "é", "capitals": "aB", "blanks": " ", "joiners": "-", "identifier": "a-", "apostrophes": "a'",
		"marks": "e\u0301", "Chinese": "我喜欢", "half width": "ｶﾞ", "Thai": "ที่", "Korean": "고양이", "digits": "1a", "invisible": "a\u00AD",
	} {
		t.Run(name, func(t *testing.T) { requireLinear(t, 1_000_000, unit, func(text string) { Terms(text) }) })
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, seed := range []string{
		"", "Hello, World!", "getUserName user_id v1.2.3 C++ https://x.y/z?a=b", "l'amour d’été", "猫が好きコーヒー ｺｰﾋｰ",
		"고양이를 책을", "แมวชอบปลา", "Straße İstanbul ŉ ǰ ﷺ ½ ① ㎏", "\xff\xfea\xff", "a\u200Db\u00ADc", "\u0345\u0301", "Ꭰᏸ", "٣٤٥",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms := Terms(text)
		requireTerms(t, terms)
		require.Equal(t, terms, Terms(text), "not deterministic")
		last := 0
		for _, s := range Spans(text, terms) {
			if s.Start < last || s.End <= s.Start || s.End > utf8.RuneCountInString(text) {
				t.Fatalf("span %v after %d in %d runes", s, last, utf8.RuneCountInString(text))
			}
			last = s.End + 1
		}
		if len(terms) > 0 && last == 0 {
			t.Fatal("a text's own terms mark nothing in it")
		}
	})
}

func BenchmarkAnalyze(b *testing.B) {
	for _, name := range []string{"english", "german", "russian", "chinese", "code"} {
		b.Run(name, func(b *testing.B) {
			text, err := os.ReadFile("testdata/analyze/" + name + ".txt")
			require.NoError(b, err)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Terms(string(text))
			}
		})
	}
}
