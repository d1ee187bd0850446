package store

import (
	"math"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Recipe is how a conversation's index was built: the embedding model and the version of
// chunker and analyzer. Conversations with another recipe than the current one are
// re-indexed in the background.
type Recipe struct {
	Model    string // the model's id; with that of NoneModel no vectors are computed
	Passages int    // raised when the same text results in other chunks or terms
}

type recipeRow struct {
	ID       int64
	Model    string
	Passages int
}

func (recipeRow) TableName() string { return "recipes" }

// noRecipe is the recipe of a conversation without passages.
const noRecipe = 0

type currentRecipeRow struct {
	RecipeID    int64
	Since       int64
	LeftBehind  int
	CompletedAt *int64
	Settings    string
}

func (currentRecipeRow) TableName() string { return "current_recipe" }

// recipeBook is the stored recipes and which of them is current.
type recipeBook struct {
	all     []recipeRow
	current currentRecipeRow
}

func (v *View) recipeBook() (b recipeBook, err error) {
	if err := v.db.Take(&b.current).Error; err != nil {
		return b, v.fault(err)
	}
	return b, v.fault(v.db.Order("id").Find(&b.all).Error)
}

// lockRecipes reads the recipes and locks the current one until the transaction ends.
func (tx *Tx) lockRecipes() (recipeBook, error) {
	if err := tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&currentRecipeRow{}).Error; err != nil {
		return recipeBook{}, tx.fault(err)
	}
	return tx.recipeBook()
}

func (b recipeBook) byID(id int64) Recipe {
	for _, r := range b.all {
		if r.ID == id {
			return Recipe{Model: r.Model, Passages: r.Passages}
		}
	}
	return Recipe{}
}

// inUse returns the current recipe; the zero value when no service has started yet.
func (b recipeBook) inUse() Recipe { return b.byID(b.current.RecipeID) }

// behind returns the recipes whose conversations are to be re-indexed. Without an
// embedder no vectors can be computed, and the existing ones are kept for the next use of
// their model.
func (b recipeBook) behind() (ids []int64) {
	current := b.inUse()
	for _, r := range b.all {
		kept := current.Model == embed.NoneModel && r.Passages == current.Passages
		if b.current.RecipeID != noRecipe && r.ID != b.current.RecipeID && !kept {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// foreign returns the recipes whose vectors a search with the current model does not use.
func (b recipeBook) foreign() (ids []int64) {
	for _, r := range b.all {
		if b.current.RecipeID != noRecipe && r.Model != b.inUse().Model {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// recipeID returns the number of a recipe, and stores the recipe if it is new.
func (tx *Tx) recipeID(r Recipe) (int64, error) {
	find := func() (ids []int64, err error) {
		err = tx.db.Model(&recipeRow{}).Where("model = ? AND passages = ?", r.Model, r.Passages).Pluck("id", &ids).Error
		return ids, err
	}
	ids, err := find()
	if err == nil && len(ids) == 0 {
		err = tx.db.Clauses(clause.OnConflict{DoNothing: true}).Omit("ID").Create(&recipeRow{Model: r.Model, Passages: r.Passages}).Error
		if err == nil {
			ids, err = find()
		}
	}
	if err != nil {
		return 0, tx.fault(err)
	}
	return ids[0], nil
}

// Adoption is the result of AdoptRecipe.
type Adoption struct {
	Changed       bool   // the database had another one
	Before        Recipe // the previous recipe; the zero value if no service has used the database
	Conversations int    // how many conversations are to be re-indexed
	Requeued      int    // how many failed conversations are tried again because a setting has changed
}

// AdoptRecipe makes a recipe the current one. A service calls it when it starts, so the
// last start decides. Settings are everything that can decide whether a text can be
// embedded. If they or the recipe have changed since the last start, failed conversations
// are tried again; otherwise they stay failed.
func (tx *Tx) AdoptRecipe(r Recipe, settings string) (Adoption, error) {
	book, err := tx.lockRecipes()
	if err != nil {
		return Adoption{}, err
	}
	id, err := tx.recipeID(r)
	if err != nil {
		return Adoption{}, err
	}
	adopted := Adoption{Changed: book.current.RecipeID != id, Before: book.inUse()}
	if adopted.Changed {
		if adopted.Conversations, err = tx.turnTo(id); err != nil {
			return Adoption{}, err
		}
	}
	if !adopted.Changed && book.current.Settings == settings {
		return adopted, nil
	}
	if err := tx.db.Model(&currentRecipeRow{}).Where("one = 1").Update("settings", settings).Error; err != nil {
		return adopted, tx.fault(err)
	}
	if adopted.Requeued, err = tx.RequeueFailed(); err != nil {
		return adopted, err
	}
	return adopted, tx.tryAgain()
}

// turnTo makes a recipe current and counts the conversations that are behind then.
func (tx *Tx) turnTo(id int64) (int, error) {
	page := map[string]any{"recipe_id": id, "since": dialect.Micros(tx.now), "completed_at": nil}
	if err := tx.db.Model(&currentRecipeRow{}).Where("one = 1").Updates(page).Error; err != nil {
		return 0, tx.fault(err)
	}
	book, err := tx.recipeBook()
	if err != nil {
		return 0, err
	}
	var n int64
	if err := ofRecipes(tx.db, book.behind()).Count(&n).Error; err != nil {
		return 0, tx.fault(err)
	}
	page = map[string]any{"left_behind": n}
	if n == 0 {
		page["completed_at"] = dialect.Micros(tx.now)
	}
	return int(n), tx.fault(tx.db.Model(&currentRecipeRow{}).Where("one = 1").Updates(page).Error)
}

// tryAgain makes conversations due that were given up.
func (tx *Tx) tryAgain() error {
	book, err := tx.recipeBook()
	if err != nil {
		return err
	}
	return tx.fault(ofRecipes(tx.db, book.behind()).Where("run_after = ?", never).
		Updates(map[string]any{"attempts": 0, "run_after": dialect.Micros(tx.now)}).Error)
}

// ofRecipes selects the conversations of all workspaces with one of the recipes. The
// second condition makes PostgreSQL and SQLite use the partial index.
func ofRecipes(db *gorm.DB, ids []int64) *gorm.DB {
	return db.Model(&dialect.ConversationRow{}).Where("recipe_id IN ? AND recipe_id > 0", ids)
}

// never is the run_after of a conversation whose re-indexing was given up. Search still
// finds its old index.
const never = math.MaxInt64

// ClaimBehind claims one ready conversation with another recipe, longest waiting first,
// until now+lease. It stays ready and can be found. It claims nothing unless r is the
// current recipe.
func (tx *Tx) ClaimBehind(r Recipe, lease time.Duration) ([]Claim, error) {
	return tx.claimBehind(r, func(recipe int64) ([]dialect.ClaimRow, error) {
		return tx.database.ClaimBehind(tx.db, recipe, tx.holder, dialect.Micros(tx.now), dialect.Micros(tx.now.Add(lease)))
	})
}

// claimBehind claims one conversation that is behind.
func (tx *Tx) claimBehind(r Recipe, claim func(recipe int64) ([]dialect.ClaimRow, error)) ([]Claim, error) {
	book, err := tx.recipeBook()
	if err != nil || book.inUse() != r {
		return nil, err
	}
	for _, id := range book.behind() {
		rows, err := claim(id)
		if err != nil {
			return nil, tx.fault(err)
		}
		if len(rows) > 0 {
			return claimsOf(rows, true), nil
		}
	}
	return nil, nil
}

// Behind returns how many conversations of all workspaces are behind, and how many of
// them were given up until the next start.
func (v *View) Behind() (chat.Embedding, error) {
	book, err := v.recipeBook()
	if err != nil {
		return chat.Embedding{}, err
	}
	sum := chat.Embedding{Model: book.inUse().Model}
	if len(book.behind()) == 0 {
		return sum, nil // nothing to count, so no server is asked
	}
	err = ofRecipes(v.db, book.behind()).Where("index_state = ?", string(chat.Ready)).
		Select("count(CASE WHEN run_after < ? THEN 1 END), count(CASE WHEN run_after = ? THEN 1 END)", int64(never), int64(never)).
		Row().Scan(&sum.Pending, &sum.Failed)
	return sum, v.fault(err)
}

// Completion describes a finished change of recipe.
type Completion struct {
	Conversations int           // how many were behind when it began
	Took          time.Duration // its duration
}

// CompleteRecipe reports once that no conversation has another recipe than the current
// one, r. Before that it queues failed conversations with another recipe again, because
// they may have vectors of that recipe's model.
func (tx *Tx) CompleteRecipe(r Recipe) (done Completion, complete bool, err error) {
	book, err := tx.recipeBook()
	if err != nil || book.inUse() != r || book.current.CompletedAt != nil {
		return done, false, err
	}
	some := func(of *gorm.DB) (bool, error) {
		var left []string
		err := of.Limit(1).Pluck("id", &left).Error
		return len(left) > 0, tx.fault(err)
	}
	behind := book.behind()
	if waiting, err := some(ofRecipes(tx.db, behind).Where("index_state = 'ready' AND run_after < ?", int64(never))); err != nil || waiting {
		return done, false, err
	}
	if _, err := tx.requeueFailed(ofRecipes(tx.db, behind)); err != nil {
		return done, false, err
	}
	if left, err := some(ofRecipes(tx.db, behind)); err != nil || left {
		return done, false, err
	}
	res := tx.db.Model(&currentRecipeRow{}).Where("recipe_id = ? AND completed_at IS NULL", book.current.RecipeID).
		Update("completed_at", dialect.Micros(tx.now))
	done = Completion{Conversations: book.current.LeftBehind, Took: tx.now.Sub(dialect.FromMicros(book.current.Since))}
	return done, res.RowsAffected == 1, tx.fault(res.Error)
}

// embedding returns the progress of re-indexing in one workspace.
func (v *View) embedding(ws chat.WorkspaceID) (chat.Embedding, error) {
	book, err := v.recipeBook()
	if err != nil {
		return chat.Embedding{}, err
	}
	sum := chat.Embedding{Model: book.inUse().Model}
	const behind = "conversations.index_state = 'ready' AND conversations.recipe_id IN ?"
	err = v.filtered(ws, chat.Filter{}).
		Select("count(CASE WHEN "+behind+" AND conversations.run_after < ? THEN 1 END), count(CASE WHEN "+behind+" AND conversations.run_after = ? THEN 1 END), "+
			"coalesce(sum(CASE WHEN conversations.recipe_id IN ? THEN conversations.vector_count END), 0)",
			book.behind(), int64(never), book.behind(), int64(never), book.foreign()).
		Row().Scan(&sum.Pending, &sum.Failed, &sum.Unused)
	return sum, v.fault(err)
}

// MadeBy returns the recipe of a claim's passages.
func (v *View) MadeBy(c Claim) (Recipe, error) {
	book, err := v.recipeBook()
	return book.byID(c.recipe), err
}
