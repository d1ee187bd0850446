package text

import "strings"

// irregularForms lists English words with irregular forms, the base form first. A
// question uses the base form ("When did she go?") where a text uses the past ("We went
// ..."). Forms that are more common as another word (rose, ground, bore, wound) are left
// out.
const irregularForms = `become became; begin began begun; bend bent; bite bit bitten; blow blew blown; break broke broken;
bring brought; build built; burn burnt; buy bought; catch caught; choose chose chosen; come came; creep crept; deal dealt;
dig dug; draw drew drawn; dream dreamt; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feed fed; feel felt;
fight fought; find found; flee fled; fly flew flown; forget forgot forgotten; forgive forgave forgiven; freeze froze frozen;
get got gotten; give gave given; go went gone; grow grew grown; hang hung; hear heard; hide hid hidden; hold held; keep kept;
kneel knelt; know knew known; lead led; lean leant; learn learnt; leave left; lend lent; lie lain; light lit; lose lost; make made;
mean meant; meet met; pay paid; ride rode ridden; ring rang rung; rise risen; run ran; say said; see saw seen; seek sought; sell sold;
send sent; shake shook shaken; shine shone; shoot shot; show shown; shrink shrank shrunk; sing sang sung; sink sank sunk; sit sat;
sleep slept; slide slid; speak spoke spoken; spend spent; spin spun; stand stood; steal stole stolen; stick stuck; strike struck;
swear swore sworn; sweep swept; swim swam swum; swing swung; take took taken; teach taught; tear tore torn; tell told; think thought;
throw threw thrown; understand understood; wake woke woken; wear wore worn; weep wept; win won; write wrote written;
child children; man men; woman women; foot feet; tooth teeth; mouse mice; goose geese; knife knives; wife wives;
half halves; shelf shelves; wolf wolves; loaf loaves; thief thieves`

// irregular maps an irregular form to its base form.
var irregular = func() map[string]string {
	m := make(map[string]string, 300)
	for entry := range strings.SplitSeq(irregularForms, ";") {
		forms := strings.Fields(entry)
		for _, form := range forms[1:] {
			m[form] = forms[0]
		}
	}
	return m
}()
