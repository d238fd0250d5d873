/** Both programs place an item at mix(A, B, t) and know the same camera. */
const COMMON = `#version 300 es
precision highp float;
uniform vec2 u_middle;     // of the view, map units
uniform float u_scale;     // device px per map unit
uniform vec2 u_viewport;   // device px
uniform float u_t;
uniform float u_density;
vec2 place(vec2 a, vec2 b) { return (mix(a, b, u_t) - u_middle) * u_scale + u_viewport * 0.5; }
vec4 clip(vec2 px) { return vec4(px.x / u_viewport.x * 2.0 - 1.0, 1.0 - px.y / u_viewport.y * 2.0, 0.0, 1.0); }
`;

export const DOT_VERTEX = `${COMMON}
layout(location = 0) in vec2 a_before;
layout(location = 1) in vec2 a_now;
layout(location = 2) in vec4 a_style;
uniform float u_size;      // device px
uniform float u_dim;
uniform vec3 u_dot;
uniform vec3 u_chosen;
out vec4 v_colour;
out float v_size;
void main() {
  int bits = int(a_style.a * 255.0 + 0.5);
  bool selected = (bits & 1) != 0;
  bool labelled = (bits & 2) != 0;
  bool dimmed = (u_dim > 0.5 && !selected) || (bits & 16) != 0;
  vec3 colour = labelled ? a_style.rgb : u_dot;
  float alpha = labelled ? 0.95 : 0.62;
  if (selected) { alpha = 1.0; if (!labelled) colour = u_chosen; }
  if (dimmed) { colour = mix(colour, u_dot, 0.5); alpha *= 0.32; }
  if ((bits & 8) != 0) alpha *= u_t;
  float size = u_size * (selected ? 1.35 : 1.0);
  v_colour = vec4(colour * alpha, alpha);
  v_size = size;
  gl_PointSize = size + 1.0;
  gl_Position = (bits & 4) != 0 ? clip(place(a_before, a_now)) : vec4(2.0, 2.0, 2.0, 1.0);
}`;

export const DOT_FRAGMENT = `#version 300 es
precision highp float;
in vec4 v_colour;
in float v_size;
out vec4 colour;
void main() {
  float distance = length(gl_PointCoord - 0.5) * (v_size + 1.0);
  float cover = clamp(v_size * 0.5 - distance + 0.5, 0.0, 1.0);
  colour = v_colour * cover;
}`;

export const SPRITE_VERTEX = `${COMMON}
layout(location = 0) in vec2 a_corner;      // -1 or 1
layout(location = 1) in vec4 a_places;      // before, now
layout(location = 2) in vec4 a_cell;        // aspect, layer, left, top
layout(location = 3) in vec4 a_label;       // colour, has one
layout(location = 4) in vec4 a_state;       // alpha, selected, hovered, fresh
uniform float u_size;      // largest side, device px
uniform float u_cell;      // px of a cell
uniform float u_still;
out vec2 v_at;             // px from the middle
flat out vec2 v_half;
flat out vec4 v_cell;
flat out vec4 v_label;
flat out vec4 v_state;
void main() {
  float grow = 1.0 + 0.12 * a_state.z;
  vec2 shape = vec2(min(1.0, a_cell.x), min(1.0, 1.0 / a_cell.x));
  vec2 size = max(shape * u_size * grow, vec2(2.0));
  if (u_still > 0.5) size = floor(size + 0.5);
  vec2 middle = place(a_places.xy, a_places.zw);
  if (u_still > 0.5) middle = floor(middle - size * 0.5 + 0.5) + size * 0.5;
  v_half = size * 0.5;
  v_at = a_corner * (v_half + 6.0 * u_density);
  v_cell = vec4(a_cell.yzw, a_cell.x);
  v_label = a_label;
  v_state = a_state;
  gl_Position = clip(middle + v_at);
}`;

export const SPRITE_FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2DArray;
uniform sampler2DArray u_pictures;
uniform float u_cell;
uniform float u_size;
uniform float u_density;
uniform float u_dim;
uniform float u_t;
uniform vec3 u_background;
uniform vec3 u_ring;
uniform float u_apart;
in vec2 v_at;
flat in vec2 v_half;
flat in vec4 v_cell;       // layer, left, top, aspect
flat in vec4 v_label;
flat in vec4 v_state;
out vec4 colour;

float box(vec2 at, vec2 reach, float radius) {
  vec2 q = abs(at) - reach + radius;
  return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - radius;
}

// A colour weighed by its opacity, at -1 to 1 of the picture's box.
vec4 picture(vec2 of) {
  vec2 shape = vec2(min(1.0, v_cell.w), min(1.0, 1.0 / v_cell.w)) * u_cell;
  vec2 reach = max(shape * 0.5 - 0.75, vec2(0.5));
  vec2 at = u_cell * 0.5 + clamp(of * shape * 0.5, -reach, reach);
  return texture(u_pictures, vec3((v_cell.yz + at) / 1024.0, v_cell.x));
}

// Whether the picture reaches into its corners: then a gap parts it from what lies below, else that shows through.
bool solid() {
  vec2 o = vec2(0.9, -0.9);
  return min(min(picture(o.xx).a, picture(o.xy).a), min(picture(o.yx).a, picture(o.yy).a)) > 0.5;
}

void main() {
  bool selected = v_state.y > 0.5;
  bool labelled = v_label.a > 0.5;
  float radius = min(4.0 * u_density, u_size * 0.07);
  float distance = box(v_at, v_half, radius);
  float band = labelled ? max(1.5 * u_density, min(3.0 * u_density, u_size * 0.045)) : 0.0;
  float ring = selected ? 2.0 * u_density : 0.0;
  float gap = solid() ? max(1.0, 1.0 * u_density) : 0.0;

  vec4 seen = picture(v_at / v_half);
  bool dimmed = u_dim > 0.5 && !selected;
  vec3 edge = v_label.rgb;
  if (dimmed) {
    seen.rgb = mix(vec3(dot(seen.rgb, vec3(0.3, 0.59, 0.11))), seen.rgb, 0.35);
    seen.rgb = mix(u_background * seen.a, seen.rgb, 0.4);
    edge = mix(u_background, edge, 0.45);
  }
  seen += vec4(u_background, 1.0) * (1.0 - seen.a) * u_apart;
  // From the inside out: picture, label band, selection ring, a thin gap that parts it from what lies below.
  seen = mix(seen, vec4(edge, 1.0), band > 0.0 ? clamp(distance + 0.5, 0.0, 1.0) : 0.0);
  seen = mix(seen, vec4(u_ring, 1.0), ring > 0.0 ? clamp(distance - band + 0.5, 0.0, 1.0) : 0.0);
  seen = mix(seen, vec4(u_background, 1.0), gap > 0.0 ? clamp(distance - band - ring + 0.5, 0.0, 1.0) : 0.0);
  float alpha = clamp(band + ring + gap - distance + 0.5, 0.0, 1.0) * v_state.x;
  if (v_state.w > 0.5) alpha *= u_t;
  colour = seen * alpha;
}`;
