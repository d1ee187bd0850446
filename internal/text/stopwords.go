package text

import "strings"

// language is a language of the Latin alphabet for which the analyzer has a stemmer.
type language uint8

const (
	english language = iota
	german
	french
	spanish
	italian
	portuguese
	dutch
	swedish
	danish
	norwegian
	finnish
	turkish
	languages // the number of languages
)

// Function words are too common to search for, and they identify the languages of the
// Latin alphabet. The English list is the longest, because its words are removed from
// every text.
var stopLists = [languages]string{
	english: `a about above after again against all also am an and any are aren as at be because been before being below
between both but by can cannot could couldn did didn do does doesn doing don down during each few for from further had hadn has
hasn have haven having he her here hers herself him himself his how i if in into is isn it its itself just let many me more most much my
myself no nor not now of off on once only or other our ours ourselves out over own same shan she should shouldn so some such than that
the their theirs them themselves then there these they this those through to too under until up very was wasn we were weren what
when where which while who whom why will with won would wouldn you your yours yourself yourselves d ll m re s t ve nd rd st th`,
	german: `aber als also am an auch auf aus bei bin bis bist da damit dann das dass dein deine dem den der des dich die dies
diese dieser dieses dir doch du durch ein eine einem einen einer eines er es euch für hab habe haben hat hatte ich ihm ihn ihr
ihre im in ist ja kann kein keine können mein meine mich mir mit muss nach nicht noch nur ob oder schon sehr sein seine sich sie
sind so über um und uns unser unter vom von vor war waren was weil wenn wer werden wie wieder will wir wird wo würde zu zum zur`,
	french: `ai au aux avec c ce ces cet cette d dans de des du elle elles en est et été être eu il ils j je l la le les leur leurs lui
m ma mais me mes moi mon n ne nos notre nous on ont ou où par pas plus pour qu que qui sa se ses si son sont sur ta te tes toi ton tu
un une vos votre vous était`,
	spanish: `al algo como con cuando de del desde donde el ella ellas ellos en entre era es esa ese eso esta estas este esto estos
está están fue ha hay la las le les lo los más me mi mis muy no nos o para pero por porque que qué quien se ser si sin sobre son su
sus también te tiene tu un una unas uno unos y ya yo`,
	italian: `ai al alla alle anche c che chi ci come con da dal dalla degli dei del della delle di dove e è era gli ha hanno ho i il
in io l la le lei lo loro lui ma mi mia mio ne nei nel nella no noi non nostro o per perché più quando quello questa questo se sei si
sia sono su sua sul sulla suo ti tra tu un una uno vi voi`,
	portuguese: `ao aos as até com como da das de dela dele depois do dos e ela elas ele eles em entre era essa esse esta este eu foi
há isso isto já lhe mais mas me mesmo meu meus minha muito na não nas nem no nos nós o os ou para pela pelo por qual quando que quem
se sem ser seu seus sua suas são também te tem tu um uma você vocês à às é`,
	dutch: `aan al als bij dat de den der deze die dit doch door dus een er ge geen had heb hebben heeft het hier hij hoe hun iets ik in is
ja je kan maar me meer men met mij mijn moet na naar niet niets nog nu of om omdat ons ook op over te toch toen tot u uit van veel voor
want waren was wat we wel werd wij wordt ze zich zij zijn zo zonder zou`,
	swedish: `att av blev blir de dem den deras denna dess det detta dig din dina du där efter ej eller en er ett från för ha hade han
hans har hans hon honom hur här i icke inte jag ju kan man med mellan men mig min mina mot mycket någon något några när och om oss på
samma sedan sig sin sina skulle som så till under upp ut utan vad var vara varför vem vi vid vår är över`,
	danish: `af alle at blev bliver da de dem den der deres det dette dig din dog du efter eller en er et for fra ham han hans har havde
hende hendes her hos hun hvad hvis hvor i ikke ind jeg jer jo kunne man mange med meget men mig min mine mit når ned nogle nu og også
om op os over på selv sig sin sine skal skulle som sådan til ud under var vi vil ville vor være været`,
	norwegian: `alle at av ble blir bli da de dem den der deres det dette deg din du eller en er et for fra før ha hadde han hans har
henne hennes her hun hva hvem hvis hvor hvordan hvorfor i ikke inn jeg kan kunne man mange med meg men mer min mine mitt mot mye når nå
noe noen nok og også om opp oss over på seg selv sin sitt skal skulle slik som så til ut uten var vi vil ville vært være`,
	finnish: `ei eivät emme en et ette että hän he ja jo joka jos kanssa kuin kun me mikä minä minun minut mitä mutta myös ne niin nyt
nämä on olen olet oli olin olivat ole olemme olette ovat se sekä sen siellä siinä sinä sitä tai tämä tässä te tuo vain vaan voi`,
	turkish: `ama ancak bana bazı ben beni benim bir biz bu bunu çok çünkü da daha de değil diye gibi göre hem hep her için ile ise
kadar ki kim mı mi mu mü nasıl ne neden olan olarak oldu olduğu ona onlar onu onun sen siz şey şu var ve veya ya yok`,
}

// Alphabets of one language need no detection.
const (
	russianStops = `а без бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его ее ей ему если есть
еще же за и из или им их к как когда кто ли либо мне может мы на надо наш не него нее нет ни них но ну о об он она они оно от очень по
под при с со так также такой там те тем то того тоже той только том ты у уже хотя чего чей чем что чтобы чье чья эта эти это я`
	arabicStops = `في من على إلى عن مع هذا هذه ذلك تلك هو هي هم أنا أنت نحن كان كانت يكون أن إن لا ما لم لن قد كل بعد قبل عند بين ثم أو
و حتى إذا كما لكن التي الذي الذين هناك هنا أي كيف متى أين لماذا ماذا هل`
	// Han characters with a grammatical function are too common to search for alone.
	// They still take part in bigrams.
	hanStops = `的了是在我你他她它这這那有和与與不也就都人一个個上下到说說要去会會着著没沒很吗嗎呢吧把被让讓从從对對为為之而以及其或但年月日`
)

var (
	// stops has a bit set for each function word of the Latin alphabet: the languages in
	// which it is one.
	stops = func() map[string]uint16 {
		m := make(map[string]uint16, 1500)
		for lang, list := range stopLists {
			for w := range strings.FieldsSeq(list) {
				m[w] |= 1 << lang
			}
		}
		return m
	}()
	russianStop = wordSet(russianStops)
	arabicStop  = wordSet(arabicStops)
	hanStop     = func() map[rune]bool {
		m := make(map[rune]bool)
		for _, r := range hanStops {
			m[r] = true
		}
		return m
	}()
)

func wordSet(list string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}
