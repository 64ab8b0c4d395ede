package event

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// The fields of what crawls and searches bring home, by the names that they have in the
// canonical schema. There x-sent-as says what servers call them. A function returns
// false for a value that the field can't hold; it has changed nothing then.
var (
	pageFields = map[string]take[Page]{
		"url":         func(r *reader, _ string, p *Page) bool { return r.text(&p.URL) },
		"source_url":  func(r *reader, _ string, p *Page) bool { return r.text(&p.SourceURL) },
		"status_code": func(r *reader, _ string, p *Page) bool { return r.count(&p.StatusCode) },
		"depth":       func(r *reader, _ string, p *Page) bool { return r.count(&p.Depth) },
		"title":       func(r *reader, _ string, p *Page) bool { return r.text(&p.Title) },
		"description": func(r *reader, _ string, p *Page) bool { return r.text(&p.Description) },
		"language":    func(r *reader, _ string, p *Page) bool { return r.text(&p.Language) },
		"favicon":     func(r *reader, _ string, p *Page) bool { return r.text(&p.Favicon) },
		"scraped_at":  func(r *reader, _ string, p *Page) bool { return r.time(&p.ScrapedAt) },
		"word_count":  func(r *reader, _ string, p *Page) bool { return r.count(&p.WordCount) },
		"text":        func(r *reader, _ string, p *Page) bool { return r.text(&p.Text) },
		"markdown":    func(r *reader, _ string, p *Page) bool { return r.text(&p.Markdown) },
		"html":        func(r *reader, _ string, p *Page) bool { return r.text(&p.HTML) },
		"links":       func(r *reader, _ string, p *Page) bool { return r.links(&p.Links) },
	}
	searchFields = map[string]take[Search]{
		"query":        func(r *reader, _ string, s *Search) bool { return r.text(&s.Query) },
		"provider":     func(r *reader, _ string, s *Search) bool { return r.text(&s.Provider) },
		"searched_at":  func(r *reader, _ string, s *Search) bool { return r.time(&s.SearchedAt) },
		"result_count": func(r *reader, _ string, s *Search) bool { return r.count(&s.ResultCount) },
		"results": func(r *reader, place string, s *Search) bool {
			return objects(r, r.names.result, place, &s.Results, func(s *SearchResult) *[]Member { return &s.Extra })
		},
	}
	resultFields = map[string]take[SearchResult]{
		"url":         func(r *reader, _ string, s *SearchResult) bool { return r.text(&s.URL) },
		"title":       func(r *reader, _ string, s *SearchResult) bool { return r.text(&s.Title) },
		"description": func(r *reader, _ string, s *SearchResult) bool { return r.text(&s.Description) },
		"position":    func(r *reader, _ string, s *SearchResult) bool { return r.count(&s.Position) },
	}
)

// take reads the value at a place of the payload into a field of T.
type take[T any] func(r *reader, place string, into *T) bool

// A shape is an object as servers send it, whose members are fields of T.
type shape[T any] struct {
	fields map[string]part[T]
	within map[string]*shape[T] // objects in it whose members are
}

// A part is a member whose value goes into T.
type part[T any] struct {
	name string // its pointer in the canonical form of T, without the first slash
	take take[T]
}

// shapeOf returns the shape that a definition's x-sent-as says.
func shapeOf[T any](definition schema, fields map[string]take[T]) *shape[T] {
	top := &shape[T]{}
	for name, pointer := range definition.SentAs {
		s, tokens := top, strings.Split(pointer, "/")[1:]
		for _, token := range tokens[:len(tokens)-1] {
			if s.within == nil {
				s.within = make(map[string]*shape[T])
			}
			if s.within[token] == nil {
				s.within[token] = &shape[T]{}
			}
			s = s.within[token]
		}
		if s.fields == nil {
			s.fields = make(map[string]part[T])
		}
		s.fields[tokens[len(tokens)-1]] = part[T]{canonicalName(name, definition), fields[name]}
	}
	return top
}

// fill reads the object at place. What has no field goes into extra.
func fill[T any](r *reader, s *shape[T], place string, into *T, extra *[]Member) {
	r.open()
	for r.more() {
		name := r.name()
		start := r.at
		at := place + "/" + jsonpointer.Escape(name)
		if within := s.within[name]; within != nil && r.peek() == '{' {
			fill(r, within, at, into, extra)
			continue
		}
		if f := s.fields[name]; f.take == nil || !f.take(r, at, into) {
			r.at = start
			start, end := r.raw()
			*extra = append(*extra, Member{Pointer: at, Value: r.json(start, end)})
		}
	}
}

// objects reads the list of objects at place.
func objects[T any](r *reader, s *shape[T], place string, into *[]T, extra func(*T) *[]Member) bool {
	if r.peek() != '[' {
		return false
	}
	all := []T{}
	r.open()
	for r.more() {
		if r.peek() != '{' {
			return false
		}
		var one T
		fill(r, s, place+"/"+strconv.Itoa(len(all)), &one, extra(&one))
		all = append(all, one)
	}
	*into = all
	return true
}

// named reads a map of names to results of any form. The function gets the name, the
// place and the value of each, and stands before the value.
func named[T any](r *reader, into *[]T, one func(name, place string, value json.RawMessage) T) bool {
	if r.peek() != '{' {
		return false
	}
	place := r.within.place + "/" + jsonpointer.Escape(r.called) + "/"
	all := []T{}
	r.open()
	for r.more() {
		name := r.name()
		start, end := r.raw()
		r.at = start
		all = append(all, one(name, place+jsonpointer.Escape(name), r.json(start, end)))
		r.at = end
	}
	*into = all
	return true
}

func (r *reader) crawls() bool {
	return named(r, &r.event.Content.Crawl, func(name, place string, value json.RawMessage) Crawl {
		c := Crawl{Name: name, Value: value}
		objects(r, r.names.page, place, &c.Pages, func(p *Page) *[]Member { return &p.Extra })
		return c
	})
}

func (r *reader) searches() bool {
	return named(r, &r.event.Content.Search, func(name, place string, value json.RawMessage) Search {
		s := Search{Name: name, Value: value}
		if r.peek() == '{' {
			fill(r, r.names.search, place, &s, &s.Extra)
		}
		return s
	})
}
