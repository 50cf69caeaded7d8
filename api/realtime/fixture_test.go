package realtime_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

// stage is a channel of ada's, and people around it.
type stage struct {
	t        *testing.T
	d        *db.DB
	people   *apitest.Server
	ada, bob apitest.Person
	channel  uuid.UUID
}

func newStage(t *testing.T, d *db.DB) *stage {
	t.Helper()
	people := apitest.New(t, d, []api.Feature{})
	s := &stage{t: t, d: d, people: people, ada: people.Person("ada", auth.RoleUser), bob: people.Person("bob", auth.RoleUser)}
	s.channel = people.Channel(s.ada, "stage")
	return s
}

// change changes something in the database, and has it tell of it.
func (s *stage) change(topic, key string, do func(q *store.Queries) error) {
	s.t.Helper()
	require.NoError(s.t, s.d.InTx(s.t.Context(), func(tx *db.Tx) error {
		if err := do(tx.Queries); err != nil {
			return err
		}
		return tx.Notify(s.t.Context(), topic, key)
	}))
}

// hide makes the channel private.
func (s *stage) hide() {
	s.t.Helper()
	s.change(auth.TopicChannel, "stage", func(q *store.Queries) error {
		_, err := q.UpdateChannel(s.t.Context(), store.UpdateChannelParams{
			ID: s.channel, Version: 1, Title: "Hidden", Links: column.JSON("[]"), Visibility: "private",
			Recording: column.JSON("{}"), Ladder: column.JSON("{}"), UpdatedAt: column.At(time.Now()),
		})
		return err
	})
}

// login returns an access token of a login of p's.
func (s *stage) login(p apitest.Person) (id uuid.UUID, token string) {
	s.t.Helper()
	id = uuid.Must(uuid.NewV7())
	now := time.Now()
	require.NoError(s.t, s.d.Write().CreateLogin(s.t.Context(), store.CreateLoginParams{
		ID: id, UserID: p.ID, CreatedAt: column.At(now), LastUsedAt: column.At(now), ExpiresAt: column.At(now.Add(time.Hour)),
	}))
	token, _, err := s.people.Tokens.AccessOf(id, p.ID, p.Name, auth.RoleUser)
	require.NoError(s.t, err)
	return id, token
}

// personal returns a personal access token of p's with scopes.
func (s *stage) personal(p apitest.Person, scopes string) string {
	s.t.Helper()
	token := auth.NewSecret(auth.PersonalTokenPrefix)
	require.NoError(s.t, s.d.Write().CreatePersonalToken(s.t.Context(), store.CreatePersonalTokenParams{
		ID: uuid.Must(uuid.NewV7()), UserID: p.ID, Label: "test", TokenHash: auth.HashSecret(token), Hint: auth.HintOf(token),
		Scopes: scopes, CreatedAt: column.At(time.Now()),
	}))
	return token
}

// tokens returns who signs with secret, at a time that is ago in the past.
func tokensOf(t *testing.T, secret []byte, ago time.Duration) *auth.Tokens {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: secret, Now: func() time.Time { return time.Now().Add(-ago) }})
	require.NoError(t, err)
	return tokens
}

// say says something on a topic, on all nodes.
func say(n *realtime.Node, topic string, what any) {
	n.Publish(context.Background(), topic, realtime.Event{Type: "chat.message", Data: what})
}

// TestSocket runs what leaves the stage as it was, each with a server of its own.
func TestSocket(t *testing.T) {
	t.Parallel()
	shared := newStage(t, dbtest.SQLite(t))
	for name, test := range map[string]func(*testing.T, *stage){
		"commands that are not ours are refused":      testCommandsThatAreNotOursAreRefused,
		"broken frames end the connection":            testBrokenFramesEndTheConnection,
		"floods are refused and then sent away":       testFloodsAreRefusedAndThenSentAway,
		"calls of a socket are done in order":         testCallsOfASocketAreDoneInOrder,
		"a failure tells nothing and ends nothing":    testAFailureTellsNothingAndEndsNothing,
		"leaving is told once for each coming":        testLeavingIsToldOnceForEachComing,
		"a client that never reads is dropped":        testAClientThatNeverReadsIsDropped,
		"topics of a socket are limited":              testTopicsOfASocketAreLimited,
		"who never connects is sent away":             testWhoNeverConnectsIsSentAway,
		"who does not answer pings is sent away":      testWhoDoesNotAnswerPingsIsSentAway,
		"nobody is taken for somebody else":           testNobodyIsTakenForSomebodyElse,
		"cookies are of pages of this site":           testCookiesAreOfPagesOfThisSite,
		"tokens are refreshed in place":               testTokensAreRefreshedInPlace,
		"a personal token does what its scopes say":   testAPersonalTokenDoesWhatItsScopesSay,
		"an address is banned while it is connected":  testAnAddressIsBannedWhileItIsConnected,
		"sockets are counted as long as they last":    testSocketsAreCountedAsLongAsTheyLast,
		"handshakes of an address are limited":        testHandshakesOfAnAddressAreLimited,
		"requests that are no handshakes are refused": testRequestsThatAreNoHandshakesAreRefused,
		"who cannot be checked reads only":            testWhoCannotBeCheckedReadsOnly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := *shared
			s.t = t
			test(t, &s)
		})
	}
}
